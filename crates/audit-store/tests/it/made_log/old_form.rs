//! Logs that begin with entries of the old form.

use audit::{
    Hash, Head, Seal, StoredEntry, Tree, hash_entry,
    tables::{Conversion, HeadChange, NewSegment, SealingRound, StoredHead, TermRow},
};
use audit_runs::{Effort, SegmentTerms};
use kernel::Entry;

use super::{BLOCK, MadeLog, Move, SEGMENT, lease, round};

impl MadeLog {
    /// Begins the chain with entries that are sealed in the old form, after which it is sealed the new way. The last of
    /// them are in a run as well.
    pub(crate) async fn begin_old(&mut self, entries: Vec<Entry>) {
        let mut head = Head::EMPTY;
        for entry in entries {
            let sequence = head.sequence + 1;
            let hash = hash_entry(&entry, sequence, head.hash);
            self.sealed.push(StoredEntry { entry, seal: Some(Seal { sequence, previous_hash: head.hash, hash }) });
            head = Head { sequence, hash };
        }
        let old_through = head.sequence / BLOCK * BLOCK;
        let ids = self.sealed.iter().map(|stored| stored.entry.id.ulid());
        let after = StoredHead {
            organization: self.organization,
            head,
            tree: None,
            high_id: ids.max().unwrap(),
            late_ms: 0,
            signed: Some(self.sign(head.sequence)),
            removed: Head::EMPTY,
            old_through,
            redacted: 0,
        };
        let runs = if head.sequence > old_through {
            vec![self.run(old_through + 1, head.sequence, Effort::Quick)]
        } else {
            Vec::new()
        };
        self.runs = runs.clone();
        self.head = Some(after.clone());
        let change = HeadChange { before: Head::EMPTY, after, replaced_runs: Vec::new(), runs, checkpoint: None };
        self.apply(Some(Move::Seal(SealingRound { heads: vec![change], ..round() }))).await;
    }

    /// Plans to convert all entries of the old form.
    pub(crate) fn plan_conversion(&mut self) -> Move {
        let before = self.head.clone().unwrap();
        let mut tree = Tree::default();
        self.sealed.iter().for_each(|stored| tree.push(stored.seal.unwrap().hash));
        let after = StoredHead { old_through: 0, tree: Some(tree), ..before.clone() };
        let (mut segments, mut runs, mut terms) = (Vec::new(), Vec::new(), Vec::new());
        let mut first = 1;
        while first <= before.old_through {
            if first + SEGMENT - 1 <= before.old_through {
                let run = self.run(first, first + SEGMENT - 1, Effort::Thorough);
                let entries = self.sealed[first as usize - 1..(first + SEGMENT - 1) as usize].iter();
                let of_segment = SegmentTerms::of(&entries.map(|stored| stored.entry.clone()).collect::<Vec<_>>());
                terms.push(TermRow { bucket: -1, first_sequence: first, body: of_segment.encode() });
                self.segments.push((first, of_segment));
                segments.push(NewSegment { digest: Hash::digest(&run.body), run });
                first += SEGMENT;
            } else {
                runs.push(self.run(first, first + BLOCK - 1, Effort::Quick));
                first += BLOCK;
            }
        }
        self.runs.splice(0..0, runs.iter().cloned());
        self.head = Some(after.clone());
        Move::Convert(Conversion {
            lease: lease(),
            organization: self.organization,
            tiles: self.tiles(segments.len() as i64 * 16),
            segments,
            runs,
            terms,
            head: Some(HeadChange {
                before: before.head,
                after,
                replaced_runs: Vec::new(),
                runs: Vec::new(),
                checkpoint: None,
            }),
        })
    }
}
