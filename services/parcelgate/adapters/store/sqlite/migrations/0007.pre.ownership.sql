-- Which process brings an interchange to its end; when its time is over, any other may take it.
ALTER TABLE postal_interchange ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE postal_interchange ADD COLUMN owned_until INTEGER NOT NULL DEFAULT 0;
