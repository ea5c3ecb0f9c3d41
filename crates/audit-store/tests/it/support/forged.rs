//! Runs that somebody with the database, but without the keys, could store in the place of others.

use audit::{
    ENTRY_REDACTED, Head, Redaction,
    tables::{Conversion, TileRow},
};
use audit_runs::{Effort, RunEntry, encode_sealed_with_stubs};
use kernel::{Entry, Id};

use super::{TestChain, lease_owner};

impl TestChain {
    /// Stores another tile.
    pub(crate) async fn replace_tile(&self, tile: TileRow) {
        let conversion = Conversion {
            lease: lease_owner().hold(self.clock.tick()),
            organization: self.organization,
            segments: Vec::new(),
            runs: Vec::new(),
            terms: Vec::new(),
            tiles: vec![tile],
            head: None,
        };
        assert!(self.tables.convert(&conversion).await.unwrap());
    }

    /// Stores a run of which the entry with this sequence, the first one, is a stub, as somebody with the database could.
    pub(crate) async fn replace_by_stub(&mut self, sequence: i64) {
        let mut run = self.run(sequence, self.head.head.sequence);
        let (header, mut entries) = audit_runs::decode_with_stubs(&run.body).unwrap();
        entries[0] =
            RunEntry::Stub { id: self.range(sequence, sequence)[0].0.id, hash: self.range(sequence, sequence)[0].1 };
        run.body = encode_sealed_with_stubs(self.organization, sequence, &entries, &header.anchors, Effort::Quick);
        self.replace_run(run).await;
    }

    /// Stores a record of the redaction of the entry with this sequence in the place of the newest entry, as somebody with
    /// the database could. Returns its identifier.
    pub(crate) async fn forge_redaction(&mut self, sequence: i64) -> Id<Entry> {
        let (entry, hash) = &self.range(sequence, sequence)[0];
        let redaction = Redaction { id: entry.id, entry: Head { sequence, hash: *hash } };
        let genuine = self.entries.pop().unwrap();
        let forged = Entry {
            action: ENTRY_REDACTED,
            subject: Some(redaction.subject()),
            changes: redaction.changes(),
            ..genuine.0.clone()
        };
        let (id, last) = (forged.id, self.head.head.sequence);
        self.entries.push((forged, genuine.1));
        let first = *self.small_runs.last().unwrap();
        let run = self.run(first, last);
        self.replace_run(run).await;
        self.entries.pop();
        self.entries.push(genuine);
        id
    }
}
