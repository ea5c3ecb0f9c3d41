//! Answers that hold a secret, as they are kept to be given again: encrypted, and for no other use of a key than the one they
//! were given to (contract v1 § 4).

use kernel::{Answer, IdempotencyKey};

use crate::{problem::Problem, reply::Reply, services::Services};

/// Marks a kept answer whose body is encrypted. It never leaves.
const SEALED: &str = "novantra-sealed";

/// The answer as it is kept.
pub(crate) fn keep(services: &Services, key: &IdempotencyKey, reply: &Reply) -> Answer {
    let mut answer = reply.to_answer();
    if reply.confidential {
        answer.body = services.answers.seal(&*services.entropy, &purpose(key), &answer.body).into();
        answer.headers.push((SEALED.to_owned(), "1".to_owned()));
    }
    answer
}

/// What was kept, given again.
pub(crate) fn give(services: &Services, key: &IdempotencyKey, mut answer: Answer) -> Result<Reply, Problem> {
    if answer.headers.iter().any(|(name, _)| name == SEALED) {
        answer.headers.retain(|(name, _)| name != SEALED);
        let opened = services.answers.open(&purpose(key), &answer.body).ok_or_else(|| {
            tracing::error!("an answer that was kept encrypted does not open: it was altered or moved");
            Problem::internal()
        })?;
        answer.body = opened.into();
    }
    Ok(Reply::replay(answer))
}

fn purpose(key: &IdempotencyKey) -> String {
    let IdempotencyKey { organization, account, operation, key } = key;
    format!("answer {} {account} {operation} {key}", organization.ulid())
}
