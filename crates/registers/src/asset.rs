//! Assets: the systems, data, devices and premises that an organization depends on.

use kernel::{Description, RecordKey, Reference, Timestamp, Title, record, string_enum};

record! {
    /// An asset.
    #[record(kind = Asset, prefix = "asset", plural = "assets")]
    pub struct Asset {
        /// The key of the asset, unique in the organization.
        #[column(label("asset_key"), key, example("core-db-1"))]
        pub key: RecordKey,
        /// The kind of the asset, in the organization's own words.
        #[column(filter(Many), example("database"))]
        pub asset_kind: Reference,
        /// The name of the asset for people.
        #[column(title, example("Core banking database"))]
        pub display_name: Title,
        /// The description of the asset.
        #[column(example("PostgreSQL cluster with all member accounts."))]
        pub description: Description,
        /// The status of the asset.
        #[column(filter(Many), example("active"))]
        pub status: AssetStatus,
        /// The system or the process that recorded the asset.
        #[column(example("cmdb"))]
        pub source_kind: Reference,
        /// The responsibility that has custody of the asset, in another system.
        pub custodian_responsibility_id: Option<Reference>,
        /// The time at which the asset was put into use.
        #[column(example("2024-02-01T00:00:00.000Z"))]
        pub commissioned_at: Option<Timestamp>,
        /// The time at which the asset was taken out of use.
        #[column(not_before("commissioned_at", "the time at which the asset was put into use"))]
        pub decommissioned_at: Option<Timestamp>,
    }
}

string_enum! {
    /// The status of an asset.
    AssetStatus = Active {
        /// It is not in use yet.
        Planned = "planned",
        /// It is in use.
        Active = "active",
        /// It is out of use for maintenance.
        InMaintenance = "in-maintenance",
        /// It is no longer in use.
        Retired = "retired",
        /// It no longer exists.
        Disposed = "disposed",
    }
}
