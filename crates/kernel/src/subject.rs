//! The subject group: a reference to the thing that a record is about, in any module or system (contract v1,
//! resources). It has nothing to do with [`crate::Subject`], the record that an audit entry is about.

use crate::{
    error::FieldError,
    record::{Column, Columns, Decoder, Encoder, Field, Scalar as _, ScalarValue},
    text::Reference,
};

/// A reference to the thing that a record is about. Its three parts are given together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectGroup {
    /// The module, or the external system.
    pub module_key: Reference,
    /// The type of the resource in that module.
    pub resource_type: Reference,
    /// The identifier of the resource in that module.
    pub resource_id: Reference,
}

/// A subject group with an optional version of its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedSubjectGroup {
    /// The subject.
    pub group: SubjectGroup,
    /// The version of the subject, if the record is about one version of it.
    pub version_id: Option<Reference>,
}

impl SubjectGroup {
    /// Creates the group from its parts: `None` if all three are absent.
    ///
    /// # Errors
    /// [`FieldError`] with the first missing part, if some but not all parts are given.
    pub fn from_parts(
        module_key: Option<Reference>,
        resource_type: Option<Reference>,
        resource_id: Option<Reference>,
    ) -> Result<Option<Self>, FieldError> {
        match (module_key, resource_type, resource_id) {
            (None, None, None) => Ok(None),
            (Some(module_key), Some(resource_type), Some(resource_id)) => {
                Ok(Some(Self { module_key, resource_type, resource_id }))
            }
            (module_key, resource_type, _) => {
                let missing = match (module_key, resource_type) {
                    (None, _) => "subject_module_key",
                    (_, None) => "subject_resource_type",
                    _ => "subject_resource_id",
                };
                Err(FieldError::new(
                    missing,
                    "a subject has a module key, a resource type and a resource id, or none of them",
                ))
            }
        }
    }
}

const fn column(name: &'static str, description: &'static str) -> Column {
    Column::new::<Reference>(name, true).described(description)
}

const GROUP: Columns = Columns::EMPTY
    .with(column("subject_module_key", "The module, or the external system, of the record's subject."))
    .with(column("subject_resource_type", "The type of the subject in its module."))
    .with(column("subject_resource_id", "The identifier of the subject in its module."));

fn encode<'r, E: Encoder<'r> + ?Sized>(group: Option<&'r SubjectGroup>, encoder: &mut E) {
    let part = |part: fn(&SubjectGroup) -> &Reference| group.map_or(ScalarValue::Null, |group| part(group).value());
    encoder.put(part(|group| &group.module_key));
    encoder.put(part(|group| &group.resource_type));
    encoder.put(part(|group| &group.resource_id));
}

/// Takes the three parts, which are followed by `columns_after` more columns of the same group.
fn decode<D: Decoder + ?Sized, T>(
    decoder: &mut D,
    columns_after: usize,
    rest: impl FnOnce(&mut D) -> Result<T, D::Error>,
) -> Result<(Option<SubjectGroup>, T), D::Error> {
    let parts = [(); 3].map(|()| Reference::decode_nullable(decoder));
    let rest = rest(decoder);
    let [module_key, resource_type, resource_id] = parts;
    let (module_key, resource_type, resource_id) = (module_key?, resource_type?, resource_id?);
    let missing = [&module_key, &resource_type, &resource_id].iter().position(|part| part.is_none());
    let group = SubjectGroup::from_parts(module_key, resource_type, resource_id).map_err(|error| {
        let columns_back = columns_after + 2 - missing.unwrap_or_default();
        decoder.invalid(columns_back, &error.message)
    })?;
    Ok((group, rest?))
}

impl Field for Option<SubjectGroup> {
    const COLUMNS: Columns = GROUP;

    #[inline]
    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E) {
        encode(self.as_ref(), encoder);
    }

    #[inline]
    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error> {
        decode(decoder, 0, |_| Ok(())).map(|(group, ())| group)
    }
}

impl Field for Option<VersionedSubjectGroup> {
    const COLUMNS: Columns = GROUP
        .with(column("subject_version_id", "The version of the subject, if the record is about one version of it."));

    #[inline]
    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E) {
        encode(self.as_ref().map(|subject| &subject.group), encoder);
        let version = self.as_ref().and_then(|subject| subject.version_id.as_ref());
        encoder.put(version.map_or(ScalarValue::Null, Reference::value));
    }

    #[inline]
    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error> {
        match decode(decoder, 1, Reference::decode_nullable)? {
            (Some(group), version_id) => Ok(Some(VersionedSubjectGroup { group, version_id })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(decoder.invalid(0, &"there is no subject that it could be a version of")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_group_is_reported_at_its_first_missing_part() {
        let part = |given: bool| given.then(|| Reference::parse("part").unwrap());
        let missing = |module_key, resource_type, resource_id| {
            SubjectGroup::from_parts(part(module_key), part(resource_type), part(resource_id))
                .map_err(|fault| fault.field)
        };
        assert_eq!(missing(false, false, false), Ok(None));
        assert!(missing(true, true, true).unwrap().is_some());
        for (module_key, resource_type, resource_id, field) in [
            (false, true, true, "subject_module_key"),
            (false, false, true, "subject_module_key"),
            (true, false, true, "subject_resource_type"),
            (true, false, false, "subject_resource_type"),
            (true, true, false, "subject_resource_id"),
        ] {
            assert_eq!(missing(module_key, resource_type, resource_id), Err(field));
        }
    }
}
