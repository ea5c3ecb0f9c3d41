//! Checks that the files in `docs/deploy` for Prometheus and Grafana use only what `/metrics` serves.

mod promql;
mod series;

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{body::Body, http::Request};
use delivery::DeliveryObserver as _;
use http_api::Observer as _;
use http_body_util::BodyExt as _;
use kernel::{Clock, StoreError, Timestamp};
use limits::{Exchange, ExchangeResult, SharedBuckets};
use regex::Regex;
use saphyr::{LoadableYamlNode as _, Yaml};
use tower::ServiceExt as _;
use webhooks::{AttemptFailure, AttemptOutcome, DisabledReason};

use super::{
    admin::{self, AdminState},
    attachment_probe::AttachmentProbe,
    metrics::{
        AuditMetrics, CertificateMetrics, MeteredBuckets, MeteredContents, Metrics, PeopleMetrics, RollupMetrics,
        SearchMetrics, WebhookMetrics,
    },
    shutdown,
};
use crate::{
    clock::SystemClock,
    compose::{Installation, OpenMode},
    settings::{Settings, Sources, collect},
};
use promql::Query;
use series::Series;

#[tokio::test]
async fn every_alert_selects_series_that_a_server_exposes_and_is_explained() {
    let series = all_series().await;
    let text = file("novantra.rules.yaml");
    let document = &Yaml::load_from_str(&text).unwrap()[0];
    let groups = document["groups"].as_vec().unwrap().iter();
    let rules: Vec<_> = groups.flat_map(|group| group["rules"].as_vec().unwrap()).collect();
    assert!(!rules.is_empty());
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        let query = Query::parse(rule["expr"].as_str().unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(name, &query, &series);
        assert!(["critical", "warning"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
        for annotation in ["summary", "description"] {
            let text = rule["annotations"][annotation].as_str().unwrap();
            for label in template_labels(text) {
                let labels = query.result_labels(&series);
                assert!(labels.contains(&label), "{name}: its alerts have no label {label:?}, only {labels:?}");
            }
        }
    }
}

#[tokio::test]
async fn every_panel_of_the_dashboard_selects_series_that_a_server_exposes() {
    let series = all_series().await;
    let dashboard: serde_json::Value = serde_json::from_str(&file("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    let mut queries = 0;
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().unwrap() {
            let expression =
                target["expr"].as_str().unwrap().replace("$__rate_interval", "5m").replace("$instance", ".*");
            let query = Query::parse(&expression).unwrap_or_else(|error| panic!("{title}: {error}"));
            check(title, &query, &series);
            for label in template_labels(target["legendFormat"].as_str().unwrap()) {
                let labels = query.result_labels(&series);
                assert!(labels.contains(&label), "{title}: its series have no label {label:?}, only {labels:?}");
            }
            queries += 1;
        }
    }
    assert!(queries > 0);
}

#[tokio::test]
async fn every_metric_of_the_server_is_on_the_dashboard_or_in_an_alert() {
    let used = file("novantra.rules.yaml") + &file("grafana-dashboard.json");
    let series = all_series().await;
    let unused: Vec<&str> = series
        .iter()
        .map(|series| series.name.as_str())
        .filter(|name| !["_sum", "_count"].iter().any(|suffix| name.ends_with(suffix)) && !used.contains(name))
        .collect();
    assert!(unused.is_empty(), "nobody sees {unused:?}");
}

/// Checks that each selector of the query selects a series, and that it groups by labels that series have.
fn check(name: &str, query: &Query, series: &[Series]) {
    assert!(!query.selectors.is_empty(), "{name}: no metric is used");
    for selector in &query.selectors {
        assert!(series.iter().any(|series| selector.selects(series)), "{name}: no server has a series {selector:?}");
    }
    for label in &query.grouping {
        assert!(query.selected_labels(series).contains(label), "{name}: no selected series has the label {label:?}");
    }
}

/// The labels in templates such as `{{ $labels.route }}` or `{{route}}`.
fn template_labels(text: &str) -> Vec<String> {
    let template = Regex::new(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}").unwrap();
    template.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The series of a server with TLS and shared rate limits, after everything that is counted has happened to it.
async fn all_series() -> Vec<Series> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = Arc::new(Metrics::new().unwrap());
    let webhook_metrics = Arc::new(WebhookMetrics::register(&metrics).unwrap());
    AuditMetrics::register(&metrics).unwrap();
    CertificateMetrics::register(&metrics).unwrap();
    PeopleMetrics::register(&metrics).unwrap();
    RollupMetrics::register(&metrics).unwrap();
    SearchMetrics::register(&metrics).unwrap();
    MeteredBuckets::new(&metrics, Arc::new(NoBuckets)).unwrap();
    answer_every_route(&metrics);
    for failure in AttemptFailure::ALL.iter().copied().map(Some).chain([None]) {
        let (duration, status) = (Duration::ZERO, None);
        webhook_metrics.attempt_started();
        webhook_metrics.attempt_ended(&AttemptOutcome {
            duration,
            status,
            failure,
            response_body: None,
            retry_after: None,
        });
    }
    webhook_metrics.delivery_exhausted();
    webhook_metrics.subscription_disabled(DisabledReason::Gone);
    let environment = vec![("NOVANTRA_DATABASE_URL".to_owned(), "memory:".to_owned())];
    let settings = Settings::parse(&collect(&Sources { environment, ..Sources::default() }).unwrap()).unwrap();
    let installation = Installation::open(&settings, OpenMode::Serve).await.unwrap();
    let (store, tokens) = (Arc::clone(&installation.store), installation.tokens().unwrap());
    let (_trigger, shutdown) = shutdown::channel();
    let contents = MeteredContents::register(&metrics, Arc::clone(&installation.attachments.contents)).unwrap();
    let attachments = Arc::new(AttachmentProbe::new(Arc::new(contents)));
    let router = admin::router(AdminState { store, tokens, clock, metrics, webhook_metrics, attachments, shutdown });
    let response = router.oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    series::parse(std::str::from_utf8(&body).unwrap())
}

/// Counts a response of each class of status for every operation of the API.
fn answer_every_route(metrics: &Metrics) {
    let document: serde_json::Value = serde_json::from_str(&api_v1::openapi()).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let route: &'static str = path.clone().leak();
        for method in operations.as_object().unwrap().keys() {
            for status in [200, 304, 401, 429, 500, 503] {
                metrics.record_response(&method.to_ascii_uppercase(), route, status, Duration::ZERO);
            }
        }
    }
}

/// Shared buckets that are not available.
struct NoBuckets;

#[async_trait]
impl SharedBuckets for NoBuckets {
    async fn exchange(&self, _: &[Exchange], _: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        Err(StoreError::Unavailable("there are no buckets".into()))
    }

    async fn delete_full(&self, _: Timestamp, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}
