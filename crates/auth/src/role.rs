//! Roles of people and what they permit, in one table.

use kernel::string_enum;

string_enum! {
    /// The role of a user in their organization.
    Role {
        /// Manages people, integrations and the workspace, and may do all that the other roles may.
        Admin = "admin",
        /// Leads compliance work: changes and imports records, decides on evidence, reads the audit log.
        Lead = "lead",
        /// Works on records, without deciding on evidence.
        Contributor = "contributor",
        /// Reads and exports everything, including the audit log, and changes nothing.
        Auditor = "auditor",
        /// Reads records.
        Reader = "reader",
    }
}

string_enum! {
    /// A permission of a user. Use cases check permissions, never roles.
    Permission {
        /// Reads records of all modules.
        ReadRecords = "read_records",
        /// Creates and changes records.
        ChangeRecords = "change_records",
        /// Imports files of records.
        ImportRecords = "import_records",
        /// Exports records as files.
        ExportRecords = "export_records",
        /// Approves and rejects evidence.
        ReviewEvidence = "review_evidence",
        /// Reads and exports the audit log.
        ReadAuditLog = "read_audit_log",
        /// Sees service accounts, their calls, webhooks and deliveries.
        ReadIntegrations = "read_integrations",
        /// Creates and changes service accounts and webhooks.
        ManageIntegrations = "manage_integrations",
        /// Sees users, their roles and when they signed in.
        ReadPeople = "read_people",
        /// Invites users, changes their roles, disables them and ends their sessions.
        ManagePeople = "manage_people",
        /// Changes the settings of the workspace.
        ManageWorkspace = "manage_workspace",
    }
}

impl Role {
    /// The permissions of the role: the one table that decides.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{
            ChangeRecords, ExportRecords, ImportRecords, ReadAuditLog, ReadIntegrations, ReadPeople, ReadRecords,
            ReviewEvidence,
        };
        match self {
            Self::Admin => Permission::ALL,
            Self::Lead => &[
                ReadRecords,
                ChangeRecords,
                ImportRecords,
                ExportRecords,
                ReviewEvidence,
                ReadAuditLog,
                ReadIntegrations,
                ReadPeople,
            ],
            Self::Contributor => &[ReadRecords, ChangeRecords, ExportRecords, ReadPeople],
            Self::Auditor => &[ReadRecords, ExportRecords, ReadAuditLog, ReadIntegrations, ReadPeople],
            Self::Reader => &[ReadRecords],
        }
    }

    /// Whether the role has the permission.
    #[must_use]
    pub fn permits(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }

    /// Whether users with this role can't sign in without a second factor.
    #[must_use]
    pub const fn requires_second_factor(self) -> bool {
        matches!(self, Self::Admin)
    }

    /// Returns the role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }
}

impl Permission {
    /// The roles that have the permission, for messages about who can help.
    pub fn roles(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| role.permits(self))
    }
}
