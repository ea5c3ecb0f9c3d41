//! Lists of registers: parents in paths and in filters, and names that differ from those of the fields.

use kernel::{HasIdPrefix as _, Id};
use registers::{Framework, FrameworkNode, FrameworkVersion, Indicator, Measurement, MonitorRun};
use scopes::Scope;
use serde_json::{Value, json};
use store_contract::samples;

use crate::support::{Client, TestApi};

async fn create_version(api: &TestApi, number: u64) -> Id<FrameworkVersion> {
    api.fixture.create(api.home, samples::record::<FrameworkVersion>(number, true)).await.meta.id
}

async fn create_node(api: &TestApi, version: Id<FrameworkVersion>, number: u64) -> String {
    let node = FrameworkNode { framework_version_id: version, ..samples::record(number, true) };
    api.fixture.create(api.home, node).await.meta.id.to_string()
}

async fn ids(api: &TestApi, client: &Client, path: &str, plural: &str) -> Vec<Value> {
    let page = api.get(path).auth(client).send().await.expect(200).json();
    page[plural].as_array().unwrap().iter().map(|record| record["id"].clone()).collect()
}

#[tokio::test]
async fn a_list_within_a_parent_has_only_the_records_of_that_parent() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::FrameworksRead]).await;
    let (one, other) = (create_version(&api, 1).await, create_version(&api, 2).await);
    let node = create_node(&api, one, 1).await;
    create_node(&api, other, 2).await;
    let path = format!("/api/v1/governance/frameworks/versions/{one}/nodes");
    assert_eq!(ids(&api, &client, &path, "nodes").await, [json!(node)]);
    let streamed = api.stream_request(&client, &path).send().await.expect(200);
    assert_eq!(String::from_utf8_lossy(&streamed.body).matches("fnode_").count(), 2, "the node and its parent");
    let refused = api.get(&format!("{path}?frameworkVersionId={one}")).auth(&client).send().await.expect(400);
    assert_eq!(refused.issue_paths(), ["query.frameworkVersionId"], "the path says which version");
    let absent = format!("/api/v1/governance/frameworks/versions/{}/nodes", api.fixture.new_id::<FrameworkVersion>());
    api.get(&absent).auth(&client).send().await.expect(404);
}

#[tokio::test]
async fn an_identifier_in_a_filter_that_is_absent_or_anothers_is_refused_alike() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let elsewhere = api.fixture.create_organization("elsewhere").await;
    let foreign = api.fixture.create(elsewhere, samples::record::<Framework>(1, true)).await.meta.id;
    let own = api.fixture.create(api.home, samples::record::<Framework>(1, true)).await.meta.id;
    let path = |id: Id<Framework>| format!("/api/v1/governance/frameworks/versions?frameworkId={id}");
    assert_eq!(ids(&api, &client, &path(own), "versions").await, [json!(null); 0]);
    for id in [foreign, api.fixture.new_id()] {
        let refused = api.get(&path(id)).auth(&client).send().await.expect(400);
        let message = refused.issue_message("query.frameworkId");
        assert_eq!(message, format!("there is no record with the identifier {id}"));
    }
    let path = format!("{}&colour=red", path(foreign));
    let both = api.get(&path).auth(&client).send().await.expect(400);
    assert_eq!(both.issue_paths(), ["query.frameworkId", "query.colour"], "every fault is reported at once");
}

#[tokio::test]
async fn measurements_are_those_of_one_indicator_since_a_time() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::IndicatorsRead]).await;
    let path = "/api/v1/governance/indicators/measurements";
    let refused = api.get(path).auth(&client).send().await.expect(400);
    assert_eq!(refused.issue_paths(), ["query.indicatorDefinitionId"]);
    let mut indicators = Vec::new();
    for number in [1, 2] {
        indicators.push(api.fixture.create(api.home, samples::record::<Indicator>(number, true)).await.meta.id);
    }
    let mut expected = Vec::new();
    for (number, day) in [(1, "2026-03-01"), (2, "2026-03-02"), (3, "2026-03-03")] {
        for indicator in &indicators {
            let measured_at = kernel::Timestamp::parse_date_or_time(day).unwrap();
            let sample = samples::record::<Measurement>(number, true);
            let measurement = Measurement { indicator_definition_id: *indicator, measured_at, ..sample };
            let id = api.fixture.create(api.home, measurement).await.meta.id;
            if *indicator == indicators[0] && number > 1 {
                expected.insert(0, json!(id.to_string()));
            }
        }
    }
    let since = format!("{path}?indicatorDefinitionId={}&since=2026-03-02", indicators[0]);
    assert_eq!(ids(&api, &client, &since, "measurements").await, expected);
}

#[tokio::test]
async fn the_filter_of_runs_by_their_aggregate_result_is_called_result() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::MonitoringRead]).await;
    let run = samples::record::<MonitorRun>(1, true);
    let result = run.aggregate_result.name();
    let id = api.fixture.create(api.home, run).await.meta.id;
    let path = "/api/v1/governance/monitoring/runs";
    assert_eq!(ids(&api, &client, &format!("{path}?result={result}"), "monitorRuns").await, [json!(id.to_string())]);
    let refused = api.get(&format!("{path}?aggregateResult={result}")).auth(&client).send().await.expect(400);
    assert_eq!(refused.issue_paths(), ["query.aggregateResult"]);
    assert!(id.to_string().starts_with(&format!("{}_", MonitorRun::PREFIX)));
}
