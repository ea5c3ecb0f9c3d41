//! Due diligence reviews: examinations of outside parties before and during an engagement.

use kernel::{Id, RecordKey, Timestamp, record, string_enum};

use crate::engagement::Engagement;

record! {
    /// A due diligence review of an engagement.
    #[record(kind = DueDiligenceReview, prefix = "pengdd", plural = "due_diligence_reviews")]
    pub struct DueDiligenceReview {
        /// The engagement that is reviewed.
        #[column(filter(Few), example("peng_01KSFQEHQ80000000000000002"))]
        pub engagement_id: Id<Engagement>,
        /// The key of the review, unique in the organization.
        #[column(label("review_key"), key, title, example("core-banking-2026"))]
        pub key: RecordKey,
        /// The occasion of the review.
        #[column(example("periodic"))]
        pub review_kind: ReviewKind,
        /// The status of the review.
        #[column(example("completed"))]
        pub status: ReviewStatus,
        /// The time at which the review was performed.
        #[column(example("2026-05-25T14:00:00.000Z"))]
        pub performed_at: Option<Timestamp>,
    }
}

string_enum! {
    /// The occasion of a due diligence review.
    ReviewKind {
        /// The beginning of the engagement.
        Onboarding = "onboarding",
        /// A schedule.
        Periodic = "periodic",
        /// An incident or a change at the party.
        Event = "event",
    }
}

string_enum! {
    /// The status of a due diligence review.
    ReviewStatus = Planned {
        /// It is planned.
        Planned = "planned",
        /// It is being carried out.
        InProgress = "in-progress",
        /// It is completed.
        Completed = "completed",
        /// It is not carried out.
        Cancelled = "cancelled",
    }
}
