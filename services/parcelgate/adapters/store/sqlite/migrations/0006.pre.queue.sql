-- How far each carrier's delivery log was put into its queue.
CREATE TABLE carrier_queue (
    environment TEXT NOT NULL,
    partner TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (environment, partner)
) WITHOUT ROWID;
