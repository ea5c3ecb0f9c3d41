//! Query plan tests: the statements of the index read only ranges of it.

use kernel::Kind;
use ulid::Ulid;

use super::{CLEAR_WORDS, INDEXED, OLDEST_CHANGES, PROGRESS, candidates, searched_tables};
use crate::{
    engine::{Sql, Value},
    query_plans::PlanFixture,
};

fn range() -> Vec<Value<'static>> {
    candidates::range(kernel::Id::new(Ulid(1)), Kind::Finding, "ransom", 10)
}

async fn steps(planned: &PlanFixture, sql: &Sql, values: Vec<Value<'static>>) -> Vec<String> {
    let steps = planned.plan_steps(sql, values).await;
    assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE") || step.starts_with("SCAN t")), "{steps:#?}");
    steps
}

#[tokio::test]
async fn records_with_a_word_are_one_range_of_the_index_of_words() {
    let planned = PlanFixture::new().await;
    let words = "search_words USING PRIMARY KEY (organization_id=? AND kind=? AND word>? AND word<?)";
    for statement in [&candidates::WITH_PREFIX, &candidates::WITH_ALL_WORDS] {
        let steps = steps(&planned, statement, range()).await;
        let is_range = |step: &&String| step.replace(" w ", " search_words ").contains(words);
        assert_eq!(steps.iter().filter(is_range).count(), 1, "{steps:#?}");
    }
    let clear = steps(&planned, &CLEAR_WORDS, vec![Value::Int(1), Value::Int(1)]).await;
    assert!(clear.iter().all(|step| !step.starts_with("SCAN")), "{clear:#?}");
}

#[tokio::test]
async fn changes_that_are_not_indexed_are_looked_for_in_one_step_of_an_index_of_each_kind() {
    let planned = PlanFixture::new().await;
    let steps_of_changes = steps(&planned, &OLDEST_CHANGES, vec![Value::Int(1)]).await;
    let searches = |part: &str| steps_of_changes.iter().filter(|step| step.contains(part)).count();
    assert_eq!(searches("(organization_id=? AND updated_at>?)"), searched_tables().count(), "{steps_of_changes:#?}");
    assert_eq!(searches("USING PRIMARY KEY (organization_id=? AND kind=?)"), searched_tables().count());
    for (sql, count) in [(&*PROGRESS, 1), (&INDEXED.single_row(), 3)] {
        let steps = steps(&planned, sql, vec![Value::Int(1); count]).await;
        assert!(steps.iter().all(|step| step.starts_with("SEARCH")), "{steps:#?}");
    }
}
