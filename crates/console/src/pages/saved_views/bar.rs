//! The bar of views above a list: those that everybody has, the saved ones, and the menu that saves or changes one.

use auth::{SavedView, UserCaller};
use http_api::{pipeline::App, request::ApiRequest, response::Problem};
use kernel::Timestamp;
use maud::{Markup, html};
use people::{may_change_view, may_share_views};

use super::form::{change_fields, delete_form, new_fields};
use crate::{
    components::{Icon, form_token},
    pages::people::session::problem_of,
    registers::{ChosenFilters, Register},
    viewer::Viewer,
};

/// The views of one list, as a person sees them.
pub(crate) struct ViewBar<'b> {
    caller: &'b UserCaller,
    register: Register,
    views: Vec<SavedView>,
    now: Timestamp,
}

impl<'b> ViewBar<'b> {
    /// Loads the views of the list that the person sees: their own and the shared ones, by name.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(crate) async fn load(app: &App, request: &'b ApiRequest, register: Register) -> Result<Self, Problem> {
        let caller = &request.principal()?.user()?.caller;
        let mut views = app.services.people.saved_views(caller).await.map_err(problem_of)?;
        views.retain(|view| view.list.as_str() == register.plural);
        views.sort_by_cached_key(|view| view.name.as_str().to_lowercase());
        Ok(Self { caller, register, views, now: app.services.clock.now() })
    }

    /// The bar, with the views that everybody has, of which the one at `address` is current. Without any view and without a
    /// filter there is none.
    pub(crate) fn show(
        &self,
        viewer: &Viewer,
        chosen: &ChosenFilters,
        common: &[(&str, &str)],
        address: &str,
    ) -> Markup {
        let current = self.current(chosen);
        let is_common = common.iter().any(|(href, _)| *href == address);
        let path = self.register.path();
        let all = [(path.as_str(), "All")];
        let common = if common.is_empty() { &all[..] } else { common };
        if chosen.is_empty() && self.views.is_empty() && common.len() == 1 {
            return html! {};
        }
        let page = |is_current: bool| is_current.then_some("page");
        html! {
            div.views {
                nav.tabs aria-label="Views" {
                    @for (href, title) in common {
                        a href=(href) aria-current=[page(current.is_none() && *href == address)] { (title) }
                    }
                    @for view in &self.views {
                        a href={ "/app/views/" (view.id) } aria-current=[page(current.is_some_and(|current| current.id == view.id))] {
                            @if view.is_shared() { (Icon::People) span.vh { "Shared: " } }
                            (view.name.as_str())
                        }
                    }
                }
                @match current {
                    Some(view) if may_change_view(self.caller, view) => (self.change_menu(viewer, view)),
                    None if !is_common && !chosen.is_empty() => (self.save_menu(viewer, chosen)),
                    _ => {}
                }
            }
        }
    }

    /// The saved view that has these filters; one that was saved without the person's own name for it counts, too.
    fn current(&self, chosen: &ChosenFilters) -> Option<&SavedView> {
        let moving = chosen.moving(self.now);
        self.views.iter().find(|view| {
            let filters = ChosenFilters::read_query(&self.register, view.query.as_str());
            filters == *chosen || filters == moving
        })
    }

    fn save_menu(&self, viewer: &Viewer, chosen: &ChosenFilters) -> Markup {
        html! {
            details.pop.right.slim name="pop" {
                summary { (Icon::Bookmark) "Save as a view" }
                div.sheet {
                    form.stack method="post" action="/app/views" novalidate {
                        (form_token(viewer))
                        (new_fields(&self.register, chosen, may_share_views(self.caller)))
                    }
                }
            }
        }
    }

    fn change_menu(&self, viewer: &Viewer, view: &SavedView) -> Markup {
        let may_share = may_share_views(self.caller);
        html! {
            details.pop.right.slim name="pop" {
                summary { (Icon::Pencil) "Change this view" }
                div.sheet {
                    form.stack method="post" action={ "/app/views/" (view.id) "/edit" } novalidate {
                        (form_token(viewer))
                        (change_fields(view, may_share))
                    }
                    hr;
                    (delete_form(viewer, view))
                }
            }
        }
    }
}
