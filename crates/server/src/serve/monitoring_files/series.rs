//! The series in the text format of Prometheus.

use std::collections::BTreeMap;

use regex::Regex;

/// A series, with the labels that Prometheus adds to it.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
}

/// Parses the series of a scrape, and adds the one that Prometheus itself writes.
pub(super) fn parse(text: &str) -> Vec<Series> {
    let line = Regex::new(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$").unwrap();
    let label = Regex::new(r#"(\w+)="((?:[^"\\]|\\.)*)""#).unwrap();
    let scraped = text.lines().filter(|line| !line.starts_with('#')).map(|text| {
        let parts = line.captures(text).unwrap_or_else(|| panic!("not a sample: {text}"));
        let labels = parts.get(2).map_or("", |labels| labels.as_str());
        let labels = label.captures_iter(labels).map(|label| (label[1].to_owned(), label[2].to_owned())).collect();
        Series { name: parts[1].to_owned(), labels }
    });
    let up = Series { name: "up".to_owned(), labels: BTreeMap::new() };
    let target = [("job", "novantra"), ("instance", "127.0.0.1:9090")];
    scraped
        .chain([up])
        .map(|mut series| {
            series.labels.extend(target.map(|(name, value)| (name.to_owned(), value.to_owned())));
            series
        })
        .collect()
}

#[test]
fn series_are_parsed_with_braces_in_their_labels() {
    let series = parse("# TYPE a counter\na{route=\"/f/{id}\",status=\"200\"} 3\nb 0.5\n");
    let names: Vec<_> = series.iter().map(|series| series.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "up"]);
    assert_eq!(series[0].labels["route"], "/f/{id}");
    assert_eq!(series[1].labels["job"], "novantra");
}
