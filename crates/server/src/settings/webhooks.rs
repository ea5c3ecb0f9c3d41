//! The settings of webhooks.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use webhooks::AddressPolicy;

use super::{
    parsers::{parse_duration, parse_one_of, parse_positive},
    reader::SettingsReader,
    table,
};

/// The parsed settings of webhooks.
#[derive(Clone, Debug)]
pub(crate) struct WebhookSettings {
    pub(crate) addresses: AddressPolicy,
    pub(crate) retention: Duration,
    /// Maximum number of delivery attempts in flight.
    pub(crate) concurrency: usize,
}

impl WebhookSettings {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        let loopback = reader.value(&table::WEBHOOKS_ALLOW_LOOPBACK_HTTP, |text| {
            parse_one_of(text, &[("true", true), ("false", false)])
        });
        let allowed = reader.value_or(&table::WEBHOOKS_ALLOW_ADDRESSES, parse_networks, Vec::new);
        let retention = reader.value(&table::WEBHOOKS_RETENTION, |text| {
            let span = parse_duration(text)?;
            if span < MIN_RETENTION { Err(format!("{text} is not at least 4d")) } else { Ok(span) }
        });
        let concurrency = reader.value(&table::WEBHOOKS_CONCURRENCY, |text| {
            let number = parse_positive(text).ok().filter(|number| (4..=65_536).contains(number));
            number.ok_or_else(|| format!("{text:?} is not a whole number from 4 to 65536"))
        });
        Some(Self {
            addresses: AddressPolicy { allowed: allowed?, loopback: loopback? },
            retention: retention?,
            concurrency: usize::try_from(concurrency?).ok()?,
        })
    }

    /// A warning about a risky value.
    pub(super) fn warnings(&self) -> Option<String> {
        let everywhere = self.addresses.allowed.iter().any(|network| network.prefix_len() == 0);
        everywhere.then(|| {
            let name = table::WEBHOOKS_ALLOW_ADDRESSES.name;
            format!(
                "{name} contains all addresses, so every account that may subscribe can reach hosts in this network"
            )
        })
    }
}

/// Minimum retention. A delivery is retried for more than three days, and its event must be stored as long.
const MIN_RETENTION: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// Parses networks such as `10.0.0.0/8` and single addresses, separated by commas.
fn parse_networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |text: &str| {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map_err(|_| format!("{text:?} is not a network such as 10.0.0.0/8"))
    };
    text.split(',').map(str::trim).map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_single_addresses_are_allowed_in_one_list() {
        let read = parse_networks("10.20.0.0/16, 192.0.2.7,fd00::/8").unwrap();
        assert_eq!(read.len(), 3);
        assert!(read[1].contains(&"192.0.2.7".parse::<IpAddr>().unwrap()) && read[1].prefix_len() == 32);
        for text in ["", "10.0.0.0/33", "example.com", "10.0.0.0/8,"] {
            assert!(parse_networks(text).is_err(), "{text:?}");
        }
    }
}
