//! Redirect URIs: which can be registered, and which of a request match (RFC 8252, RFC 9700).

use url::Url;

/// A registered redirect URI, kept exactly as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

const MAX_LENGTH: usize = 2_000;
/// The loopback addresses whose port a native app chooses when it starts.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

impl RedirectUri {
    /// Reads a redirect URI to register.
    ///
    /// # Errors
    /// The message for the client: only `https`, private-use schemes that have a dot, and loopback addresses can be
    /// registered, without fragments, wildcards and user names.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_LENGTH || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must be at most 2000 visible ASCII characters");
        }
        if text.contains(['#', '*', '\\', '"', '<', '>']) {
            return Err("must have no fragment, wildcard, backslash, quote or angle bracket");
        }
        let url = Url::parse(text).map_err(|_| "must be an absolute URI")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must have no user name");
        }
        let allowed = match url.scheme() {
            "https" => text.starts_with("https://") && url.host_str() != Some("localhost"),
            "http" => loopback_rest(text).is_some(),
            scheme => scheme.contains('.'),
        };
        if allowed {
            Ok(Self(text.to_owned()))
        } else {
            Err("must begin with https://, http://127.0.0.1, http://[::1] or a private-use scheme that has a dot")
        }
    }

    /// The URI as it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the URI of a request is this one: the same text, except for the port of a loopback address.
    #[must_use]
    pub fn matches(&self, requested: &str) -> bool {
        let without_port = |text| loopback_rest(text);
        self.0 == requested || matches!((without_port(&self.0), without_port(requested)), (Some(a), Some(b)) if a == b)
    }

    /// Whether the scheme is one of an app's own, which other apps can claim, too.
    #[must_use]
    pub fn has_private_use_scheme(&self) -> bool {
        !self.0.starts_with("https:") && !self.0.starts_with("http:")
    }
}

/// Returns the address of a loopback URI and what follows its port; `None` if it is not one.
fn loopback_rest(text: &str) -> Option<(&'static str, &str)> {
    let (address, rest) = LOOPBACK.iter().find_map(|address| Some((*address, text.strip_prefix(address)?)))?;
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(port) => {
            let end = port.find(|character: char| !character.is_ascii_digit()).unwrap_or(port.len());
            let (port, rest) = port.split_at(end);
            port.parse::<u16>().ok().filter(|port| *port > 0)?;
            rest
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((address, rest))
}
