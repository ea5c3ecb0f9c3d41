//! The modules that records belong to.

use kernel::Kind;
use scopes::Scope;

use crate::registers;

/// The path of the collection of records of this kind, unless it has a parameter. `None` for kinds that are neither
/// findings nor registers.
#[must_use]
pub fn collection_path(kind: Kind) -> Option<&'static str> {
    let path = match kind {
        Kind::Finding => "/api/v1/governance/findings",
        _ => registers::path(kind)?,
    };
    (!path.contains('{')).then_some(path)
}

/// The module that records of this kind belong to, as scopes name it: `frameworks` for `governance.frameworks:read`.
/// `None` for kinds that are neither findings nor registers.
#[must_use]
pub fn module(kind: Kind) -> Option<&'static str> {
    let scope = match kind {
        Kind::Finding => Scope::FindingsRead,
        _ => registers::read_scope(kind)?,
    };
    let (resource, _) = scope.name().split_once(':')?;
    Some(resource.rsplit_once('.').map_or(resource, |(_, module)| module))
}
