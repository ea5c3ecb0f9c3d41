//! Roles and what they permit.

use auth::{Permission, Role};

/// The table as people read it: which of admin, lead, contributor, auditor and reader have each permission.
const TABLE: &[(Permission, [bool; 5])] = &[
    (Permission::ReadRecords, [true, true, true, true, true]),
    (Permission::ChangeRecords, [true, true, true, false, false]),
    (Permission::ImportRecords, [true, true, false, false, false]),
    (Permission::ExportRecords, [true, true, true, true, false]),
    (Permission::ReviewEvidence, [true, true, false, false, false]),
    (Permission::ReadAuditLog, [true, true, false, true, false]),
    (Permission::ReadIntegrations, [true, true, false, true, false]),
    (Permission::ManageIntegrations, [true, false, false, false, false]),
    (Permission::ReadPeople, [true, true, true, true, false]),
    (Permission::ManagePeople, [true, false, false, false, false]),
    (Permission::ManageWorkspace, [true, false, false, false, false]),
];

#[test]
fn every_role_has_exactly_the_permissions_of_the_table() {
    assert!(TABLE.iter().map(|(permission, _)| permission).eq(Permission::ALL));
    for (permission, expected) in TABLE {
        let permitted: Vec<bool> = Role::ALL.iter().map(|role| role.permits(*permission)).collect();
        assert_eq!(permitted, expected, "{}", permission.name());
        assert!(permission.roles().eq(Role::ALL.iter().copied().filter(|role| role.permits(*permission))));
    }
}

#[test]
fn an_auditor_and_a_reader_can_change_nothing() {
    let changing = ["change", "import", "review", "manage"];
    for role in [Role::Auditor, Role::Reader] {
        let names = role.permissions().iter().map(|permission| permission.name());
        assert_eq!(names.filter(|name| changing.iter().any(|word| name.starts_with(word))).count(), 0, "{role:?}");
    }
}

#[test]
fn only_administrators_need_a_second_factor() {
    let requiring: Vec<Role> = Role::ALL.iter().copied().filter(|role| role.requires_second_factor()).collect();
    assert_eq!(requiring, [Role::Admin]);
}

#[test]
fn a_role_is_read_back_from_its_name() {
    for role in Role::ALL {
        assert_eq!(Role::from_name(role.name()), Some(*role));
    }
    assert_eq!(Role::from_name("Admin"), None);
}
