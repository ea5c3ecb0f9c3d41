-- What the source of a finding was looking at, such as the repository of a scan.

ALTER TABLE findings ADD COLUMN source_scope text;
