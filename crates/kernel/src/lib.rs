//! The types that every crate shares: identifiers, timestamps, validated texts, pages, records, the changeset and the
//! ports that stores implement.
//!
//! This crate depends on no database, no protocol, no naming convention of a wire format and no system clock: the time,
//! identifiers and randomness come in through [`Clock`] and [`Entropy`].

mod changeset;
mod clock;
mod entropy;
mod entry;
mod error;
mod fields;
mod id;
mod idempotency;
mod organization;
mod page;
mod patch;
mod ports;
mod record;
mod repeat;
mod resource;
mod severity;
mod stream;
mod string_enum;
mod subject;
mod text;
mod timestamp;
mod timestamp_oracle;

pub use changeset::{ActorRevision, Attribution, Changeset, OutboxEvent, UsageChange, Write, WriteContext};
pub use clock::Clock;
pub use entropy::Entropy;
pub use entry::{Action, Actor, ActorKind, Change, Entry, FieldValue, Origin, Subject};
pub use error::{CommitError, Conflict, FieldError, StoreError};
pub use fields::AuditFields;
pub use id::{HasIdPrefix, Id, IdList, IdText, MalformedId, RequestId};
pub use idempotency::{ClaimOutcome, Fingerprint, IdempotencyKey, IdempotencyRecord, KeyClaim, StoredResponse};
pub use organization::{Organization, OrganizationId, OrganizationRef};
pub use page::{MAX_PAGE_BYTES, Order, Page, PageLimit, PageRequest, Position, TimeRange};
pub use patch::Patch;
pub use ports::{AuditTrail, Ledger, MAX_KEY_RANGES, MAX_RECORDS_IN_KEY_RANGES, Reader};
pub use record::{
    Bound, Column, ColumnFilter, ColumnType, Columns, Comparison, Decoder, Encoder, Field, Filter, GroupList, Groups,
    KeyScope, OwnedScalar, Record, Scalar, ScalarValue, Selectivity,
};
pub use repeat::RepeatedCalls;
pub use resource::{AnyRecord, Criteria, Kind, Meta, Resource, Revision, Stored};
pub use severity::Severity;
pub use stream::{RecordStream, SnapshotStream, StreamRequest};
pub use subject::{SubjectGroup, VersionedSubjectGroup};
pub use text::{
    Decimal, DecimalRule, Description, DescriptionRule, Email, EmailRule, Reason, ReasonRule, RecordKey, RecordKeyRule,
    Reference, ReferenceRule, Rule, Slug, SlugRule, Text, TextError, Title, TitleRule, VersionKey, VersionKeyRule,
    is_allowed_in_line, is_allowed_in_text, is_invisible,
};
pub use timestamp::{MalformedTimestamp, Timestamp};
pub use timestamp_oracle::{TimestampOracle, WriteTimestamp};
#[doc(no_inline)]
pub use ulid::Ulid;
