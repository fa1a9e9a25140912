-- How far each carrier's delivery log was put into its queue.
CREATE TABLE carrier.queue (
    environment text COLLATE "C" NOT NULL,
    partner text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (environment, partner)
);
