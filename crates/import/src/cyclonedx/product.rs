//! The product that a file is about. A vulnerability belongs to it: whether a component can be attacked depends on the
//! product that it is built into.

use crate::object::Object;

/// The name of the product of a file: that of its subject, which is the same in every version of the product.
pub(super) fn name(subject: &Object<'_>) -> Option<String> {
    let member = |name: &str| subject.nonblank_text(name).map(|text| text.trim().to_owned());
    if let Some(package_url) = member("purl") {
        return Some(without_version(&package_url).to_owned());
    }
    let name = member("name")?;
    Some(member("group").map_or_else(|| name.clone(), |group| format!("{group}/{name}")))
}

/// The name as a part of a key, which has no slash.
pub(super) fn key_part(name: &str) -> String {
    let mut part = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_graphic() && !b"%/".contains(&byte) {
            part.push(char::from(byte));
        } else {
            part.push_str(&format!("%{byte:02X}"));
        }
    }
    part
}

/// The package URL without version, qualifiers and subpath.
fn without_version(package_url: &str) -> &str {
    let path = package_url.split(['?', '#']).next().unwrap_or(package_url);
    let name_start = path.rfind('/').map_or(0, |slash| slash + 1);
    match path.get(name_start..).and_then(|name| name.rfind('@')) {
        Some(at) if at > 0 => path.get(..name_start + at).unwrap_or(path),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_the_package_without_version_qualifiers_and_subpath() {
        for (package_url, product) in [
            ("pkg:npm/juice-shop@11.1.2", "pkg:npm/juice-shop"),
            ("pkg:npm/@x/a@1?arch=x#lib", "pkg:npm/@x/a"),
            ("pkg:npm/%40x/a", "pkg:npm/%40x/a"),
            ("pkg:npm/@a", "pkg:npm/@a"),
            ("pkg:docker/app@sha256:1", "pkg:docker/app"),
        ] {
            assert_eq!(without_version(package_url), product);
        }
    }

    #[test]
    fn names_that_differ_are_different_parts_of_a_key_without_a_slash() {
        for (name, part) in
            [("portal", "portal"), ("a/b", "a%2Fb"), ("a%2Fb", "a%252Fb"), ("Größe 1", "Gr%C3%B6%C3%9Fe%201")]
        {
            assert_eq!(key_part(name), part);
        }
    }
}
