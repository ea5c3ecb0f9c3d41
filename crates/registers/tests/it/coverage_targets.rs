//! The kinds of records that coverage links name as their targets.

use std::collections::BTreeSet;

use kernel::{Kind, Resource};
use registers::TargetKind;

#[test]
fn every_register_belongs_to_a_module_that_targets_can_name() {
    let modules = [
        "assessments",
        "assets",
        "change-management",
        "controls",
        "evidence",
        "exceptions",
        "findings",
        "frameworks",
        "indicators",
        "monitoring",
        "party-engagements",
        "risks",
        "submissions",
        "vulnerability-management",
    ];
    let found = |kind: Kind| modules.iter().filter(|module| TargetKind::find(module, kind.name()).is_ok()).count();
    macro_rules! kinds_of {
        ($($kind:ident => $register:ty,)*) => { [$(<$register>::KIND),*] };
    }
    let kinds = registers::for_each_register!(kinds_of);
    let missing: BTreeSet<&str> = kinds.into_iter().filter(|kind| found(*kind) != 1).map(Kind::name).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_target_is_a_record_of_the_workspace_in_whichever_letter_case_its_module_is_written() {
    for (module, resource_type) in [("controls", "control"), ("Controls", " Control")] {
        let found = TargetKind::find(module, resource_type).unwrap().unwrap();
        assert_eq!(
            (found.module_key, found.resource_type.as_str(), found.kind),
            ("controls", "control", Kind::Control)
        );
    }
    let found = TargetKind::find("evidence", "evidence_claim").unwrap().unwrap();
    assert_eq!((found.resource_type.as_str(), found.kind), ("evidence-claim", Kind::EvidenceClaim));
    assert_eq!(TargetKind::find("wiki", "control"), Ok(None));
    let error = TargetKind::find("Control", "control").unwrap_err();
    assert_eq!(
        (error.field, error.message.as_ref()),
        ("target_module_key", "is no module: the one with such records is controls")
    );
}

#[test]
fn a_type_that_its_module_lacks_is_refused_with_those_that_it_has() {
    let error = TargetKind::find("evidence", "control").unwrap_err();
    assert_eq!(error.field, "target_resource_type");
    assert_eq!(error.message, "is none of the module evidence, which has evidence-requirement, evidence-claim");
}
