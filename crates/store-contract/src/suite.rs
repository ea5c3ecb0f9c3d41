//! The suite: plain functions, one per guarantee of a store, with one file per part of the port.

pub mod accounts;
pub mod audit_log;
pub mod catch_up;
pub mod commits;
pub mod deliveries;
pub mod directory;
pub mod distribution;
pub mod filters;
pub mod idempotency;
pub mod lanes;
pub mod listing;
pub mod pruning;
pub mod races;
pub mod reading;
pub mod sealing;
pub mod signing_keys;
pub mod standing;
pub mod streaming;
pub mod upkeep;

/// Generates the whole suite as tests of the store that `$open` opens: an `async fn(Arc<dyn Clock>) -> OpenedStore`.
#[macro_export]
macro_rules! contract_suite {
    ($open:path) => {
        $crate::contract_suite! { $open =>
            reading {
                a_record_reads_back_as_it_was_stored
                another_organizations_record_is_not_there
                records_are_found_by_their_keys
            }
            listing {
                a_list_runs_newest_first
                a_list_by_change_runs_oldest_change_first
                a_page_says_whether_there_is_more
                a_page_holds_two_hundred_at_most
                a_walk_meets_every_record_once_whatever_is_written_meanwhile
                a_walk_by_change_meets_what_changes_meanwhile_again
                spans_of_time_hold_their_beginning_and_not_their_end
            }
            streaming {
                a_stream_gives_what_a_walk_meets_in_its_order
                what_is_written_during_a_stream_does_not_show
                a_write_in_flight_holds_the_as_of_of_a_stream_back
                stalled_streams_are_in_nobodys_way_and_give_their_places_back
                a_store_that_is_closed_waits_for_no_stream
            }
            filters {
                findings_are_narrowed_by_status_severity_and_source
                findings_are_narrowed_by_key_and_subject_to_the_letter
                findings_are_narrowed_by_any_number_of_values
                few_among_many_are_all_found
                a_changed_record_leaves_one_filter_and_enters_another
                controls_are_narrowed_by_status
                finding_events_are_narrowed_by_finding
                subscriptions_are_narrowed_by_account_and_status
                deliveries_are_narrowed_by_subscription_state_and_event
            }
            catch_up {
                a_write_in_flight_holds_as_of_back
                a_write_that_comes_to_nothing_lets_as_of_go_on
                an_entry_in_flight_holds_the_log_back_and_no_other_list
                a_write_in_flight_holds_the_log_back_too
                an_abandoned_append_holds_the_log_back_until_it_is_stored
                a_catch_up_sees_exactly_what_changed
                a_clock_that_steps_back_hides_nothing
                a_reader_among_writers_misses_nothing
            }
            commits {
                a_clash_in_the_second_write_leaves_nothing
                a_record_is_created_only_once
                an_update_of_another_revision_is_refused
                an_update_of_what_is_not_there_is_refused
                a_taken_key_is_refused
                a_taken_key_is_told_though_a_later_write_of_the_record_would_do
                keys_are_unique_per_organization_and_kind_and_to_the_letter
                a_key_that_was_given_up_may_be_taken
                the_place_of_a_removed_subscription_may_be_taken
                a_slug_is_unique_over_the_installation
                a_record_may_be_written_twice_in_one_changeset
                what_a_decision_rests_on_must_be_unchanged
                a_changeset_of_five_hundred_records_is_stored_whole
            }
            idempotency {
                a_repeated_call_gets_the_first_answer_byte_for_byte
                a_repeated_call_has_no_second_effect
                a_repeated_call_is_recognised_before_anything_else_is_checked
                a_key_used_for_another_call_is_refused
                a_key_belongs_to_its_account_and_operation
                an_expired_key_counts_as_absent
                a_failed_commit_leaves_the_key_free
                of_sixteen_at_once_under_one_key_one_acts
            }
            standing {
                an_account_that_did_not_change_may_act
                a_write_of_an_account_that_changed_meanwhile_stores_nothing
                a_write_of_an_account_that_is_not_the_organizations_stores_nothing
                no_write_is_stored_after_its_account_was_disabled
            }
            races {
                one_of_sixteen_changes_to_a_revision_wins
                one_of_sixteen_records_with_a_key_wins
                a_clash_takes_no_other_write_with_it
                one_of_two_writes_that_cross_wins
                a_caller_that_goes_away_leaves_the_store_whole
                an_append_that_is_abandoned_harms_no_other
            }
            audit_log {
                an_entry_reads_back_as_it_was_appended
                the_entries_of_a_write_are_stored_with_it
                an_entry_is_never_overwritten
                logs_of_organizations_are_apart
                entries_are_listed_in_either_order
                entries_are_narrowed_by_action_actor_and_subject
                entries_are_narrowed_by_any_number_of_values
                entries_are_narrowed_by_time
                entries_that_come_at_once_are_all_kept
            }
            sealing {
                every_organization_has_a_gapless_chain_of_its_own
                a_seal_shows_in_lists_and_alone
                entries_are_given_out_for_sealing_oldest_first
                organizations_with_work_due_are_told_in_bounds
                entries_are_sealed_in_the_order_of_their_identifiers
                a_stale_batch_is_refused_and_stores_nothing
                one_of_eight_sealers_wins
                the_tail_counts_what_is_not_sealed
                a_chain_is_walked_by_sequence
                checkpoints_are_kept_in_order
            }
            accounts {
                an_account_is_found_by_its_client_id
                a_change_of_an_account_shows_in_its_revision_at_once
                the_last_use_of_an_account_is_noted_beside_it
            }
            signing_keys {
                the_first_signing_key_wins
                a_published_key_signs_after_its_lead
                a_retired_key_is_gone_and_replaced
                a_change_of_keys_is_on_record_or_did_not_happen
                a_change_of_keys_that_fails_leaves_them_as_they_were
                one_of_eight_rotations_wins
                the_first_check_value_of_a_master_key_is_kept
            }
            distribution {
                an_event_becomes_a_delivery_for_each_subscription_to_it
                events_are_distributed_oldest_first_and_in_bounds
                revisions_of_one_record_come_in_order_whatever_the_clock_says
                a_late_commit_is_not_passed_over
                an_event_that_is_a_delivery_already_stays_that_one
                those_whose_endpoints_are_failing_may_be_told_after_the_others
                only_who_has_the_lease_distributes
                of_eight_rounds_at_once_each_event_is_in_one
                an_event_that_is_not_known_waits_for_a_server_that_knows_it
                organizations_with_events_are_told_in_bounds
                what_is_distributed_shows_in_a_catch_up
            }
            lanes {
                a_lane_is_due_from_the_moment_of_what_came_in
                the_longest_waiting_lanes_are_told_first
                of_eight_that_claim_a_lane_one_gets_it
                lanes_are_claimed_many_at_once
                many_lanes_at_once_are_worked_on_each_for_itself
                a_lane_is_taken_over_once_its_lease_has_run_out
                a_holder_renews_all_its_lanes
                a_lane_is_given_up_until_its_next_delivery_is_due
                what_comes_in_while_a_lane_is_held_is_not_missed
                a_parked_lane_is_due_when_something_comes_in
                all_lanes_of_a_server_that_stops_are_free_and_as_due_as_they_were
                whatever_comes_in_while_holders_take_turns_is_delivered
                signs_of_lanes_are_kept
                what_waits_is_told
            }
            deliveries {
                what_is_due_comes_in_order_with_its_body
                a_settlement_is_stored_where_nothing_changed_meanwhile
                a_settlement_shows_in_a_catch_up
                what_is_open_is_cancelled_in_bounds
                the_standing_of_a_lane_is_that_of_its_subscription_and_account
                many_at_once_are_told_each_its_own_standing
                deliveries_that_are_there_are_known
                events_are_told_between_two_identifiers
                deliveries_of_organizations_are_apart
            }
            pruning {
                what_is_over_is_forgotten_after_its_time_and_in_bounds
                what_is_over_is_forgotten_of_every_subscription
                what_is_under_way_keeps_what_it_tells_of
                what_waits_for_a_disabled_subscription_is_forgotten_in_its_time
                an_event_that_was_not_distributed_stays
            }
            directory {
                organizations_are_listed_oldest_first
                an_organization_is_found_by_its_slug
            }
            upkeep {
                a_lease_is_its_holders_until_it_ends
                a_lease_is_given_up_by_its_holder_alone
                one_of_eight_gets_the_lease
                expired_keys_are_forgotten_in_bounds
                waiting_events_are_counted
                a_closed_store_is_not_available
            }
        }
    };
    ($open:path => $($group:ident { $($name:ident)* })*) => {
        $(
            mod $group {
                use super::*;

                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $name() {
                        $crate::suite::$group::$name($crate::Fixture::open($open).await).await;
                    }
                )*
            }
        )*

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn any_sequence_of_commands_leaves_it_equal_to_the_reference() {
            $crate::any_sequence_of_commands_leaves_two_stores_equal($crate::reference, $open).await;
        }
    };
}
