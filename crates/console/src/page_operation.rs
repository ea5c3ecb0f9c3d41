//! The declarations of pages and of the forms on them.

use axum::http::Method;
use http_api::{
    endpoints::{Document, Media, Operation},
    pipeline::Handler,
    request::{Access, Charge, MediaType},
};

/// Returns the declaration of a page.
pub(crate) fn page_at(path: &'static str, access: Access, action: &'static str, handler: Handler) -> Operation {
    Operation {
        document: document_of_page,
        method: Method::GET,
        path,
        id: action,
        tag: "Web app",
        summary: "",
        description: "",
        access,
        charge: Charge::Read,
        media_types: &[MediaType::Html],
        action,
        handler,
    }
}

/// Returns the declaration of a form that changes something.
pub(crate) fn form_at(path: &'static str, access: Access, action: &'static str, handler: Handler) -> Operation {
    Operation {
        document: document_of_form,
        method: Method::POST,
        charge: Charge::Write,
        ..page_at(path, access, action, handler)
    }
}

/// Returns the declaration of a form with a file, whose handler receives it bit by bit.
pub(crate) fn upload_at(path: &'static str, access: Access, action: &'static str, handler: Handler) -> Operation {
    Operation { document: document_of_upload, ..form_at(path, access, action, handler) }
}

fn document_of_page() -> Document {
    Document {
        query: Vec::new(),
        request: None,
        status: 200,
        response: Media::none(),
        line: None,
        errors: &[],
        codes: &[],
        response_headers: &[],
    }
}

fn document_of_form() -> Document {
    Document { request: Some(Media::none()), status: 303, ..document_of_page() }
}

fn document_of_upload() -> Document {
    Document { request: Some(Media::bytes("A form with a file.", "file")), ..document_of_form() }
}
