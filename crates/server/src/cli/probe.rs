//! `novantra probe`: asks the running server whether it is ready. An image without a shell has no other program for it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use clap::Args;
use serde_json::json;

use crate::{
    cli::CommandContext,
    failure::{Failure, root_cause},
};

/// Maximum duration of a probe. A ready server answers within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of bytes of a response that are reported.
const MAX_REPORTED: usize = 500;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  novantra probe\n  novantra probe --live --admin-listen 127.0.0.1:9091\n\nIt asks the admin listener for /readyz, and exits with 0 if the server is ready, otherwise with 1."
)]
pub(crate) struct Probe {
    /// Ask only whether the process responds (/livez), not whether it can serve requests.
    #[arg(long)]
    live: bool,
}

impl Probe {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let (path, property) = if self.live { ("/livez", "alive") } else { ("/readyz", "ready") };
        let address = reachable(context.settings.admin_listen)?;
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        let response = client.get(format!("http://{address}{path}")).send().await.map_err(|error| {
            let cause = if error.is_timeout() {
                format!("no response within {} s", TIMEOUT.as_secs())
            } else {
                root_cause(&error)
            };
            Failure::new(format!(
                "the server does not answer on its admin listener {address}: {cause}; is it running, with this admin_listen?"
            ))
        })?;
        let status = response.status();
        if status.is_success() {
            return context.output.print(&json!({ property: true }), || property.to_owned());
        }
        let reason: String = response.text().await?.chars().take(MAX_REPORTED).collect();
        Err(Failure::new(format!("the server is not {property} ({}): {reason}", status.as_u16())))
    }
}

/// The address at which this machine reaches a listener.
///
/// # Errors
/// If the listener has a port that is known only to the server.
fn reachable(listener: SocketAddr) -> Result<SocketAddr, Failure> {
    if listener.port() == 0 {
        return Err(Failure::usage(
            "admin_listen has port 0, which is another port on every start: name the port that the server printed",
        ));
    }
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, listener.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_loopback() {
        let reached = |listener: &str| reachable(listener.parse().unwrap()).unwrap().to_string();
        assert_eq!(reached("0.0.0.0:9090"), "127.0.0.1:9090");
        assert_eq!(reached("[::]:9090"), "[::1]:9090");
        assert_eq!(reached("192.0.2.7:9090"), "192.0.2.7:9090");
    }
}
