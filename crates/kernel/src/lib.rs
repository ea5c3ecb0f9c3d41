//! The types that every crate shares: identifiers, timestamps, validated texts, pages, records, the changeset and the
//! ports that stores implement.
//!
//! This crate depends on no database, no protocol, no naming convention of a wire format and no system clock: the time,
//! identifiers and randomness come in through [`Clock`] and [`Entropy`].

mod changeset;
mod entry;
mod error;
mod fields;
mod id;
mod organization;
mod page;
mod ports;
mod record;
mod resource;
mod stamp;
mod stream;
mod subject;
mod text;
mod timestamp;
mod words;

pub use changeset::{
    Answer, Attribution, Changeset, Claim, Fingerprint, IdempotencyKey, OutboxEvent, StandingProof, Write,
};
pub use entry::{Action, Actor, ActorKind, Change, Entry, FieldValue, Origin, Subject};
pub use error::{Clash, CommitError, Invalid, StoreError};
pub use fields::Fields;
pub use id::{Id, IdList, IdText, MalformedId, Named, RequestId};
pub use organization::{Organization, OrganizationFilter, OrganizationId, Slug};
pub use page::{Order, Page, PageLimit, PageRequest, Position, Window};
pub use ports::{AuditTrail, Clock, Entropy, Ledger, Reader};
pub use record::{
    Column, ColumnFilter, ColumnType, Columns, Comparison, Decoder, Encoder, Field, Filter, KeyScope, OwnedScalar,
    Record, Scalar, ScalarValue, Selectivity,
};
pub use resource::{AnyRecord, Criteria, Kind, Meta, Resource, Revision, Stored};
pub use stamp::{Stamp, Stamps};
pub use stream::{Batches, StreamRequest, Streamed};
pub use subject::{SubjectGroup, VersionedSubjectGroup};
pub use text::{
    Description, DescriptionRule, Email, EmailRule, Reason, ReasonRule, RecordKey, RecordKeyRule, Reference,
    ReferenceRule, Rule, Text, TextError, Title, TitleRule,
};
pub use timestamp::{MalformedTimestamp, Timestamp};
