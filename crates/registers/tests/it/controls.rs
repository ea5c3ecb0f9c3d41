use kernel::{Filter, Record as _, Resource as _};
use registers::{Control, DefinitionStatus};

macro_rules! kinds {
    ($($kind:ident => $register:ty,)*) => { [$((stringify!($kind), <$register as kernel::Resource>::KIND),)*] };
}

#[test]
fn a_control_is_unique_by_its_key_within_its_organization() {
    let control = Control::example();
    assert_eq!(control.unique_key(), Some("CTL-AC-02"));
    assert_eq!(control.unique_within(), None);
}

#[test]
fn a_list_of_controls_is_filtered_by_key_and_status() {
    let labels: Vec<_> = Filter::<Control>::columns().map(|(_, _, filter)| filter.label).collect();
    assert_eq!(labels, ["control_key", "status"]);
}

#[test]
fn a_control_without_a_status_is_a_draft() {
    assert_eq!(<DefinitionStatus as kernel::Scalar>::default_value(), Some(DefinitionStatus::Draft));
}

#[test]
fn the_list_of_registers_names_each_with_its_kind() {
    let registers = registers::for_each_register!(kinds);
    assert!(registers.contains(&("Control", kernel::Kind::Control)));
    for (name, kind) in registers {
        assert_eq!(format!("{kind:?}"), name);
    }
}
