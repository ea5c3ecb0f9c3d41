-- The deliveries of a subscription lie together: with a key beside that order, each was written into a fourth index.

ALTER TABLE webhook_deliveries
    DROP CONSTRAINT webhook_deliveries_pkey,
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (organization_id, subscription_id, id);
DROP INDEX webhook_deliveries_subscription;

-- Programs from before would look for one delivery among all of its organization.
UPDATE installation SET value = '8' WHERE key = 'oldest_schema';
