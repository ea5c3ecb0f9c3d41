"""Checks of Schemathesis that the API follows with exceptions. Each exception is here, with its reason."""

import re
import unicodedata

import schemathesis
from schemathesis.specs.openapi.checks import (
    AcceptedNegativeData,
    RejectedPositiveData,
    negative_data_rejection,
    positive_data_acceptance,
)

# Why a request that conforms to its schema is refused: patterns of an issue's path and of its message.
RULES_THAT_NO_SCHEMA_STATES = [
    # An identifier in a filter or in a body must be that of a record.
    (r".*", r"there is no record with the identifier \w+"),
    # The parameter that was renamed has one value, not two.
    (r"query\.updated_since", r"is an alias of updatedAfter: send only one of them"),
    # An order or a bound that goes only with another parameter.
    (r"query\.order", r"requires .*"),
    # Files are linked by the account that uploaded them, and either named or sent along.
    (r"attachmentIds\.\d+", r"this account has no such attachment.*|is listed twice"),
    (r"attachments", r"name uploaded files in attachmentIds, or send files in attachments, but not both"),
    # Neither the grammar of a disposition nor the names of files that systems reserve are for a regular expression.
    (r"header\.Content-Disposition", r".*"),
    (r"attachments\.\d+\.fileName", r"must (have 1 to 255 characters|not) .*"),
    # A digest is that of the bytes.
    (r"header\.(Content|Repr)-Digest", r".*"),
    # The validity of a claim ends after it begins, and in the future.
    (r"validUntil", r"must be (after the beginning of the validity|in the future).*"),
    # A range begins before it ends, and the smaller of two trees comes first.
    (r"until", r"must be after since"),
    (r"query\.from", r"must not be greater than `to`"),
    # The fields of a subject are all set or all null.
    (r".*subject\w+", r"a subject has a module key, a resource type and a resource id, or none of them"),
    (r".*source\w+", r"a source .*"),
    # Which fields an event has depends on its type.
    (r"duplicateOfFindingId|externalReference", r".* requires exactly one of .*|only verified_as_duplicate may have .*"),
    # The endpoint must be reachable from the public internet, and its URL written in its normal form.
    (r"url", r"must .*"),
    # A PATCH must change something, and can't set what only the server sets.
    (r"", r"names no field .*"),
]

# Which characters are displayed is not for a regular expression. A text of 10 characters may be blank.
VISIBLE_TEXT = re.compile(r"must be (one line of 1 to|10 to 1000 characters after trimming)")


def is_partly_invisible(value):
    return isinstance(value, str) and any(unicodedata.category(character)[0] in "CMZ" for character in value)


def value_at(body, path):
    for segment in path:
        if isinstance(body, list) and segment.isdigit() and int(segment) < len(body):
            body = body[int(segment)]
        elif isinstance(body, dict):
            body = body.get(segment)
        else:
            return None
    return body


def is_explained(issue, case):
    path = issue["path"]
    if VISIBLE_TEXT.match(issue["message"]):
        query = case.query if isinstance(case.query, dict) else {}
        return is_partly_invisible(query.get(path[1]) if path[0] == "query" else value_at(case.body, path))
    # Schemathesis also sends a header without a value, although the document has a shortest length for it.
    if path[:1] == ["header"] and not (case.headers.get(path[1]) or "").strip():
        return True
    return any(
        re.fullmatch(where, ".".join(path)) and re.fullmatch(message, issue["message"])
        for where, message in RULES_THAT_NO_SCHEMA_STATES
    )


@schemathesis.check
def valid_data_is_accepted(ctx, response, case):
    """What the document describes is accepted, unless a rule refuses it that no schema can state."""
    try:
        return positive_data_acceptance(ctx, response, case)
    except RejectedPositiveData:
        # The record's state does not allow it, the idempotency key was used for another request, or the record has
        # another revision.
        if response.status_code in (409, 412, 416, 422):
            return None
        body = response.json()
        # Cursors come from earlier pages.
        if body["error"] == "invalid_cursor" and case.query.get("cursor") is not None:
            return None
        if body["error"] == "validation" and all(is_explained(issue, case) for issue in body["issues"]):
            return None
        raise


@schemathesis.check
def invalid_data_is_rejected(ctx, response, case):
    """What the document does not describe is refused."""
    try:
        return negative_data_rejection(ctx, response, case)
    except AcceptedNegativeData:
        # A write that was carried out before is answered like then, whatever its other headers say.
        if "idempotent-replayed" in response.headers:
            return None
        # A bad item of a batch fails by itself, and the others are written.
        if case.operation.definition.raw["operationId"] == "batchFindings":
            if any(result["result"] == "failed" for result in response.json()["results"]):
                return None
        raise
