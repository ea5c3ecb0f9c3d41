//! The stylesheet, the script and the icon, which are in the program. Their addresses contain a digest of their content,
//! so that browsers may keep them forever and still see a new one at once.

use std::{fmt::Write as _, sync::LazyLock};

use sha2::{Digest as _, Sha256};

/// The address of the assets, with the file name.
pub(crate) const ASSET_PATH: &str = "/app/static/{name}";

/// The stylesheet.
pub(crate) static STYLESHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "css", "text/css; charset=utf-8", include_str!("assets/console.css")));
/// The script, which every page works without.
pub(crate) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "js", "text/javascript; charset=utf-8", include_str!("assets/console.js")));
/// The icon of the browser's tab.
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

/// The number of hexadecimal digits of a digest in an address, which need not resist an attacker.
const DIGITS: usize = 16;

/// A file that pages need.
pub(crate) struct Asset {
    stem: &'static str,
    extension: &'static str,
    digest: String,
    /// The address.
    pub(crate) path: String,
    pub(crate) media_type: &'static str,
    pub(crate) content: &'static str,
}

/// The meaning of a file name.
pub(crate) enum NamedAsset {
    /// The content that the digest in the address is of.
    Current(&'static Asset),
    /// The content that another version of the program has at this address.
    OtherVersion(&'static Asset),
}

impl Asset {
    fn new(stem: &'static str, extension: &'static str, media_type: &'static str, content: &'static str) -> Self {
        let mut digest = Sha256::digest(content).iter().fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        });
        digest.truncate(DIGITS);
        let path = ASSET_PATH.replace("{name}", &format!("{stem}-{digest}.{extension}"));
        Self { stem, extension, digest, path, media_type, content }
    }

    /// Returns what the file name stands for.
    pub(crate) fn named(name: &str) -> Option<NamedAsset> {
        let (stem, rest) = name.split_once('-')?;
        let (digest, extension) = rest.split_once('.')?;
        let assets: [&'static Self; 3] = [&STYLESHEET, &SCRIPT, &ICON];
        let asset = assets.into_iter().find(|asset| asset.stem == stem && asset.extension == extension)?;
        let is_digest = digest.len() == DIGITS && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match digest == asset.digest {
            true => Some(NamedAsset::Current(asset)),
            false => is_digest.then_some(NamedAsset::OtherVersion(asset)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_an_asset_follows_from_its_content() {
        let asset = |content| Asset::new("console", "css", "text/css", content);
        assert_eq!(asset("a{}").path, "/app/static/console-5f546eb4606b5c2b.css");
        assert_eq!(asset("a{}").path, asset("a{}").path);
        assert_ne!(asset("a{}").path, asset("b{}").path);
    }

    #[test]
    fn only_the_digest_of_the_content_names_it() {
        let name = STYLESHEET.path.rsplit('/').next().unwrap();
        assert!(matches!(Asset::named(name), Some(NamedAsset::Current(asset)) if asset.path == STYLESHEET.path));
        let other = Asset::named("console-0123456789abcdef.js");
        assert!(matches!(other, Some(NamedAsset::OtherVersion(asset)) if asset.path == SCRIPT.path));
        for unknown in ["console.css", "console-.css", "console-0123456789ABCDEF.css", "icon-0123456789abcdef.css", ""]
        {
            assert!(Asset::named(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn the_icon_loads_nothing_and_runs_nothing() {
        for forbidden in ["<script", "<style", "style=", "href", "url("] {
            assert!(!ICON.content.contains(forbidden), "{forbidden}");
        }
    }
}
