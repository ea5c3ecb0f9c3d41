//! The segments of one tile of the tree, which become an object.

use audit::{
    AuditTables, Hash, ObjectKey,
    tables::{BodyRange, RunKey, RunTable, SegmentQuery, SegmentStart},
};
use audit_runs::ArchiveObject;
use kernel::{OrganizationId, StoreError, Timestamp};

use crate::{
    blocks::{end_of, hash_run},
    damage::{ChainFailure, Damage},
};

/// The number of keys that are read at a time.
const PAGE: usize = 1_000;

/// Consecutive segments of one tile, up to its end, with their bodies in the tables.
pub(super) struct Group {
    organization: OrganizationId,
    keys: Vec<RunKey>,
}

impl Group {
    /// Returns the sequence through which all segments are archived, from this one on, and the group that follows, if it
    /// is complete.
    pub(super) async fn find(
        tables: &dyn AuditTables,
        organization: OrganizationId,
        from: i64,
    ) -> Result<(i64, Option<Self>), StoreError> {
        let (mut through, mut keys): (i64, Vec<RunKey>) = (from - 1, Vec::new());
        loop {
            let start = SegmentStart::Sequence(keys.last().map_or(through, |key| key.last_sequence) + 1);
            let page = tables.segments(organization, &SegmentQuery { start, downwards: false, limit: PAGE }).await?;
            let is_last = page.len() < PAGE;
            for key in page {
                if key.archived.is_some() && keys.is_empty() {
                    through = key.last_sequence;
                    continue;
                }
                let is_next = keys.last().is_none_or(|last| last.last_sequence + 1 == key.first_sequence);
                if !is_next || key.archived.is_some() {
                    return Ok((through, None));
                }
                let is_end = key.last_sequence % ArchiveObject::ENTRIES == 0;
                keys.push(key);
                if is_end {
                    return Ok((through, Some(Self { organization, keys })));
                }
            }
            if is_last {
                return Ok((through, None));
            }
        }
    }

    /// The time of the newest entry.
    pub(super) fn newest(&self) -> Timestamp {
        let millis = self.keys.last().map_or(0, |key| key.high_id.timestamp_ms());
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    pub(super) fn key(&self) -> ObjectKey {
        let first_sequence = self.keys.first().map_or(0, |key| key.first_sequence);
        let last_sequence = self.keys.last().map_or(0, |key| key.last_sequence);
        ObjectKey { organization: self.organization, first_sequence, last_sequence }
    }

    /// Reads the bodies and the tile. Returns `None` if the chain was changed in the meantime.
    pub(super) async fn read(self, tables: &dyn AuditTables) -> Result<Option<Content>, StoreError> {
        let key = self.key();
        let range = |key: &RunKey| BodyRange {
            table: RunTable::Segments,
            first_sequence: key.first_sequence,
            offset: 0,
            length: usize::MAX,
        };
        let ranges: Vec<BodyRange> = self.keys.iter().map(range).collect();
        let bodies = tables.bodies(key.organization, &ranges).await?;
        let digests = tables.digests(key.organization, key.first_sequence, self.keys.len()).await?;
        let Some(bodies) = bodies.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
        if !digests.iter().map(|(first, _)| *first).eq(self.keys.iter().map(|key| key.first_sequence)) {
            return Ok(None);
        }
        let number = key.last_sequence / ArchiveObject::ENTRIES - 1;
        let tile = tables.tiles(key.organization, &[(1, number)]).await?;
        let tile = tile
            .first()
            .map_or(Vec::new(), |tile| tile.hashes.as_chunks::<32>().0.iter().map(|hash| Hash(*hash)).collect());
        let digests = digests.into_iter().map(|(_, digest)| digest).collect();
        Ok(Some(Content { key, keys: self.keys, bodies, digests, tile }))
    }
}

/// The content of an object that is to be written.
pub(super) struct Content {
    key: ObjectKey,
    keys: Vec<RunKey>,
    bodies: Vec<Vec<u8>>,
    digests: Vec<Hash>,
    tile: Vec<Hash>,
}

impl Content {
    /// Hashes all entries once more, and encodes the object: damage must not get into the archive.
    ///
    /// # Errors
    /// [`Damage`] if entries are not as they were sealed.
    pub(super) fn encode(&self, note: Option<&str>) -> Result<Vec<u8>, Damage> {
        let mut before: Option<Hash> = None;
        let first_block = (self.key.last_sequence - ArchiveObject::ENTRIES) / audit::BLOCK_ENTRIES;
        for ((key, body), digest) in self.keys.iter().zip(&self.bodies).zip(&self.digests) {
            let range = (key.first_sequence, key.last_sequence);
            let damage = |reason: &str| Damage::new(self.key.organization, range, reason);
            if Hash::digest(body) != *digest {
                return Err(damage("its body does not have the digest that was stored with it"));
            }
            let (_, blocks) = hash_run(self.key.organization, range, body)?;
            if before.zip(blocks.first()).is_some_and(|(before, block)| block.before != before) {
                return Err(damage("it does not begin with the hash that the entry before it has"));
            }
            before = blocks.last().map(|block| block.last().hash);
            for block in &blocks {
                let number =
                    (end_of(block.first_sequence, audit::BLOCK_ENTRIES) / audit::BLOCK_ENTRIES) - 1 - first_block;
                let node = usize::try_from(number).ok().and_then(|number| self.tile.get(number));
                if node != Some(&block.root()) {
                    return Err(damage("the tree does not have the root of one of its blocks"));
                }
            }
        }
        let encoded = ArchiveObject::encode(&self.bodies, &self.tile, note);
        encoded.map_err(|fault| self.damage(fault.to_string()))
    }

    /// Compares an object of the archive with what was to be written, and returns where the segments are in it. Its note may
    /// be another: that of an earlier attempt.
    ///
    /// # Errors
    /// [`Damage`] if it does not have the same segments.
    pub(super) fn compare(&self, object: Option<&[u8]>) -> Result<Vec<(i64, i64)>, ChainFailure> {
        let object =
            object.ok_or_else(|| StoreError::Unavailable("the archive does not have what was written".into()))?;
        let object = ArchiveObject::parse(object)
            .map_err(|fault| self.damage(format!("the archive has something else in its place: {fault}")))?;
        let written = object.segments.iter().map(|segment| (segment.body, segment.digest));
        if !written.eq(self.bodies.iter().map(Vec::as_slice).zip(self.digests.iter().copied()))
            || object.tile != self.tile
        {
            return Err(self.damage("the archive has other bytes in its place").into());
        }
        let offset = |start: usize| i64::try_from(start).unwrap_or(i64::MAX);
        let locations = self.keys.iter().zip(&object.segments);
        Ok(locations.map(|(key, segment)| (key.first_sequence, offset(segment.range.start))).collect())
    }

    fn damage(&self, reason: impl Into<String>) -> Damage {
        Damage::new(self.key.organization, (self.key.first_sequence, self.key.last_sequence), reason)
    }
}
