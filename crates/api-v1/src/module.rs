//! The modules that records belong to.

use kernel::Kind;
use scopes::Scope;

use crate::registers;

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
