//! The suite: plain functions, one per guarantee of a store, with one file per part of the port.

pub mod accounts;
pub mod actor_revision;
pub mod audit_log;
pub mod catch_up;
pub mod commits;
pub mod deliveries;
pub mod delivery_history;
pub mod directory;
pub mod due_dates;
pub mod evidence;
pub mod fan_out;
pub mod filters;
pub mod idempotency;
pub mod identities;
pub mod listing;
pub mod log_archive;
pub mod log_old_form;
pub mod log_redaction;
pub mod log_rounds;
pub mod log_segments;
pub mod log_tables;
pub mod maintenance;
pub mod partitions;
pub mod passkeys;
pub mod people;
pub mod pruning;
pub mod races;
pub mod reading;
pub mod registers;
pub mod repeated_calls;
pub mod revision_order;
pub mod rollups;
pub mod saved_views;
pub mod sealing;
pub mod search;
pub mod signing_keys;
pub mod streaming;
pub mod table_imports;

/// Generates the whole suite as tests of the store that `$open` opens: an `async fn(Arc<dyn Clock>) -> OpenedStore`.
#[macro_export]
macro_rules! contract_suite {
    ($open:path) => {
        $crate::contract_suite! { $open =>
            reading {
                a_record_reads_back_as_it_was_stored
                a_record_of_another_organization_is_not_found
                records_are_found_by_their_identifiers
                records_are_found_by_their_keys
                records_are_found_by_ranges_of_their_keys
            }
            listing {
                a_list_is_ordered_newest_first
                a_list_by_change_is_ordered_oldest_change_first
                a_page_reports_whether_more_records_follow
                a_page_has_at_most_two_hundred_records
                records_with_long_texts_are_all_listed_and_streamed
                pagination_returns_each_record_once_despite_concurrent_writes
                pagination_by_change_returns_concurrently_changed_records_again
                time_ranges_include_their_start_and_exclude_their_end
            }
            revision_order {
                the_changes_of_one_moment_have_times_entries_and_events_in_the_order_of_revisions
                a_write_of_several_records_is_after_the_last_change_of_each
            }
            due_dates {
                a_list_by_due_date_is_ordered_soonest_first_and_ends_with_records_without_one
                a_range_of_due_dates_includes_its_start_and_excludes_its_end_in_every_order
                a_list_by_due_date_is_filtered_like_any_other
                pagination_by_due_date_returns_each_unchanged_record_once_despite_concurrent_writes
            }
            registers {
                every_register_reads_back_as_it_was_stored
                every_register_is_found_by_its_key
                no_register_takes_the_key_or_identity_of_another_by_an_update
                every_register_is_filtered_as_its_statement_says
                recorded_events_are_stored_and_filtered_as_their_statements_say
            }
            evidence {
                attachments_and_contents_are_stored_and_filtered_as_their_statements_say
                claims_are_due_to_expire_once_their_validity_has_ended
                unlinked_attachments_are_found_by_their_age
                stored_bytes_are_counted_with_the_write_that_changes_them
                concurrent_writes_never_exceed_a_limit_of_stored_bytes
            }
            streaming {
                a_stream_returns_the_same_records_in_the_same_order_as_pagination
                writes_during_a_stream_are_not_visible_in_it
                an_in_flight_write_holds_back_the_as_of_of_a_stream
                stalled_streams_block_no_call_and_release_their_slots
                closing_a_store_does_not_wait_for_streams
            }
            filters {
                findings_are_filtered_by_status_severity_and_source
                findings_are_filtered_by_exact_key_and_subject
                findings_are_filtered_by_owner
                findings_are_filtered_by_any_number_of_values
                rare_matches_among_many_records_are_all_found
                a_changed_record_leaves_one_filter_and_enters_another
                controls_are_filtered_by_status
                finding_events_are_filtered_by_finding
                subscriptions_are_filtered_by_account_and_status
                deliveries_are_filtered_by_subscription_state_and_event
            }
            catch_up {
                an_in_flight_write_holds_back_as_of
                a_dropped_or_failed_write_does_not_hold_back_as_of
                an_in_flight_entry_holds_back_only_the_as_of_of_the_audit_log
                an_in_flight_write_holds_back_the_as_of_of_the_audit_log
                an_abandoned_append_holds_back_the_as_of_of_the_audit_log_until_it_is_stored
                a_catch_up_returns_exactly_the_changed_records
                a_clock_that_steps_back_hides_no_write
                a_reader_among_concurrent_writers_misses_no_record
            }
            commits {
                a_conflict_in_the_second_write_rolls_back_the_changeset
                a_record_is_created_only_once
                a_changeset_that_writes_to_another_organization_is_refused
                an_update_based_on_another_revision_is_refused
                an_update_of_a_missing_record_is_refused
                a_taken_key_is_refused
                a_taken_key_is_reported_although_a_later_write_of_the_record_resolves_it
                keys_are_case_sensitive_and_unique_per_organization_and_kind
                a_released_key_can_be_reused
                the_slot_of_a_removed_subscription_can_be_reused
                a_slug_is_unique_across_the_installation
                a_record_may_be_written_twice_in_one_changeset
                a_commit_fails_when_a_record_it_requires_unchanged_has_changed
                a_changeset_of_five_hundred_records_is_stored_completely
            }
            idempotency {
                a_repeated_request_gets_the_first_response_byte_for_byte
                a_repeated_request_has_no_second_effect
                a_repeated_request_is_recognised_before_any_other_check
                a_key_reused_for_another_request_is_refused
                a_key_is_scoped_to_its_account_and_operation
                an_expired_key_counts_as_absent
                a_failed_commit_leaves_the_key_unused
                one_of_sixteen_concurrent_claims_of_a_key_is_granted
                a_claim_that_has_ended_is_granted_again_with_the_same_identifier
                a_claim_from_the_future_is_granted_again
                a_key_claimed_for_another_request_is_refused_until_that_claim_has_ended
                the_size_of_stored_responses_is_that_of_one_account
                sixteen_concurrent_requests_with_one_key_have_one_effect
            }
            actor_revision {
                a_write_of_an_unchanged_account_is_stored
                a_write_of_an_account_that_has_since_changed_is_refused
                a_write_of_an_account_outside_the_organization_is_refused
                no_write_is_stored_after_its_account_was_disabled
            }
            races {
                one_of_sixteen_concurrent_updates_of_a_revision_wins
                one_of_sixteen_concurrent_creations_with_one_key_wins
                a_conflict_does_not_fail_other_concurrent_writes
                one_of_two_crossing_writes_wins
                a_commit_completes_after_its_caller_is_gone
                an_abandoned_append_does_not_affect_other_appends
            }
            audit_log {
                an_entry_reads_back_as_it_was_appended
                the_entries_of_a_write_are_stored_with_it
                an_entry_is_never_overwritten
                logs_of_organizations_are_isolated_from_each_other
                entries_are_listed_in_either_order
                entries_are_filtered_by_action_actor_and_subject
                entries_are_filtered_by_any_number_of_values
                entries_are_filtered_by_time
                concurrently_appended_entries_are_all_stored
                the_changes_of_a_subject_are_found_between_entries_about_reading_it
            }
            repeated_calls {
                concurrent_counts_of_repeated_calls_are_added_up
                a_count_of_repeated_calls_is_returned_when_it_is_due_or_due_too_late
                one_of_eight_concurrent_processes_replaces_a_count_by_its_entry
                no_call_is_lost_while_its_count_is_replaced
            }
            sealing {
                every_organization_has_a_gapless_chain_of_its_own
                a_seal_is_visible_in_lists_and_single_reads
                entries_are_sealed_in_the_order_of_their_identifiers
                concurrent_sealers_seal_each_entry_once
                unsealed_entries_are_counted
                a_chain_is_read_by_sequence
                the_head_of_a_chain_has_a_checkpoint
                removed_entries_are_gone_from_every_list
                an_empty_row_follows_the_last_row_of_a_process
                the_entries_of_a_write_are_one_row
                a_row_that_is_removed_before_it_is_sealed_is_reported
                a_forged_row_is_neither_shown_nor_sealed
            }
            log_tables {
                recent_rows_are_those_of_the_organization_and_shared_ones
                rows_of_an_organization_are_read_in_pages
                waiting_rows_are_read_in_the_order_of_their_keys
                waiting_entries_are_counted
                organizations_with_a_log_are_listed
                segments_are_listed_from_any_start
                segments_are_found_by_their_greatest_identifiers
                digests_of_segments_are_listed
                ranges_of_bodies_are_returned_in_order
                rows_of_the_index_are_listed_within_a_range
                tiles_and_checkpoints_are_found
                the_last_note_that_each_witness_has_cosigned_is_found
            }
            log_archive {
                archived_bodies_are_read_from_their_object
                an_archival_that_expects_something_else_stores_nothing
                a_location_in_another_organizations_object_is_not_read
            }
            log_redaction {
                a_redacted_body_replaces_the_stored_one
                a_redaction_adds_no_row_of_the_index
                a_redaction_that_expects_something_else_stores_nothing
            }
            log_rounds {
                a_round_moves_waiting_entries_to_runs
                a_head_reads_back_as_it_was_stored
                a_round_requires_the_lease_and_renews_it
                a_round_that_expects_another_head_stores_nothing
                a_round_whose_rows_are_gone_stores_nothing
                a_round_can_replace_a_row_under_its_key
                one_of_eight_concurrent_rounds_is_stored
            }
            log_segments {
                blocks_are_replaced_by_a_segment
                a_compaction_that_does_not_fit_stores_nothing
                rows_of_the_index_are_merged
                the_start_of_a_chain_is_removed
                a_removal_that_does_not_fit_removes_nothing
                one_of_eight_concurrent_removals_is_stored
                a_removal_does_not_cross_a_compaction
            }
            log_old_form {
                sealed_entries_of_the_old_form_are_read_by_sequence
                sealed_entries_of_the_old_form_are_listed
                waiting_entries_of_the_old_form_are_sealed
                sealed_entries_of_the_old_form_are_converted
                entries_of_the_old_form_are_deleted_once_no_chain_needs_them
            }
            accounts {
                an_account_is_found_by_its_client_id
                a_change_of_an_account_is_visible_in_its_revision_immediately
                the_last_use_of_an_account_is_recorded_without_changing_it
            }
            people {
                an_email_address_is_unique_in_its_organization
                a_write_of_a_user_who_has_since_changed_is_refused
                credentials_read_back_as_they_were_stored
                one_of_sixteen_concurrent_changes_of_credentials_wins
                a_commit_with_credentials_is_stored_as_a_whole_or_not_at_all
                a_session_is_found_by_its_token_with_the_current_user
                the_times_of_a_session_are_stored
                sign_ins_of_several_users_are_summarized
                sessions_of_a_user_are_listed_and_ended
                a_link_is_used_once
                expired_sessions_and_links_are_deleted
            }
            passkeys {
                one_of_sixteen_concurrent_answers_of_a_passkey_wins
                the_user_of_a_passkey_is_found_in_the_organization
            }
            identities {
                an_identity_is_linked_with_one_user_of_its_organization
                the_use_of_an_identity_requires_that_it_is_still_linked
                identities_of_a_user_are_listed_and_unlinked
            }
            saved_views {
                saved_views_are_seen_by_their_owner_and_shared_ones_by_everybody
                a_stale_change_of_a_saved_view_stores_nothing
                one_of_sixteen_concurrent_saved_views_takes_a_slot
            }
            table_imports {
                a_table_import_reads_back_and_belongs_to_its_organization
                one_of_sixteen_concurrent_changes_of_a_table_import_wins
                an_organization_has_a_bounded_number_of_table_imports
                the_parts_of_a_table_are_stored_and_deleted_with_its_import
                expired_table_imports_are_deleted_with_their_files
            }
            signing_keys {
                the_first_of_concurrent_signing_keys_wins
                a_published_key_signs_after_its_lead_time
                a_retired_key_is_removed_and_replaced_immediately
                a_key_change_and_its_audit_entry_are_stored_together
                a_failed_key_change_leaves_the_keys_unchanged
                one_of_eight_concurrent_rotations_wins
                the_first_of_concurrent_master_key_check_values_is_stored
            }
            fan_out {
                an_event_becomes_a_delivery_for_each_subscription_to_it
                events_are_fanned_out_oldest_first_up_to_a_limit
                revisions_of_one_record_are_due_in_order_despite_clock_steps
                an_event_that_is_committed_late_is_not_skipped
                an_existing_delivery_of_an_event_is_kept
                healthy_subscriptions_receive_events_before_failing_ones
                only_the_lease_owner_fans_out_events
                eight_concurrent_fan_outs_process_each_event_once
                an_event_of_an_unknown_type_waits_for_a_server_that_supports_it
                organizations_with_pending_events_are_listed_up_to_a_limit
                a_new_delivery_is_visible_in_a_catch_up
            }
            partitions {
                a_partition_becomes_due_when_its_work_is_due
                the_longest_waiting_partitions_are_listed_first
                the_due_partitions_of_healthy_endpoints_are_listed_apart
                one_of_eight_concurrent_workers_acquires_a_partition
                many_partitions_are_acquired_in_one_call
                concurrent_calls_for_many_partitions_are_independent
                a_partition_can_be_acquired_by_another_worker_once_its_lease_expires
                an_owner_renews_all_its_partition_leases
                a_released_partition_is_due_again_when_its_next_delivery_is
                work_that_arrives_while_a_partition_is_leased_is_not_missed
                a_suspended_partition_becomes_due_when_new_work_arrives
                a_stopping_server_releases_all_its_partitions_as_due_as_they_were
                work_that_arrives_while_owners_alternate_is_delivered
            }
            deliveries {
                deliveries_are_listed_alike_before_and_after_their_first_attempt
                a_delivery_is_created_once_and_can_be_required_before_its_first_attempt
                due_deliveries_are_returned_in_order_with_their_bodies
                a_result_is_stored_only_if_its_delivery_is_unchanged
                a_recorded_result_is_visible_in_a_catch_up
                open_deliveries_are_cancelled_up_to_a_limit
                a_delivery_that_is_cancelled_or_attempted_at_the_moment_of_its_last_change_has_a_later_time_of_change
                the_revisions_of_a_partition_are_those_of_its_subscription_and_account
                concurrent_revision_lookups_get_their_own_answers
                deliveries_of_organizations_are_isolated_from_each_other
            }
            delivery_history {
                events_are_listed_between_two_identifiers
                existing_deliveries_are_found
                the_health_of_partitions_is_stored
                the_delivery_lag_is_reported
            }
            pruning {
                finished_deliveries_are_pruned_after_their_retention_up_to_a_limit
                finished_deliveries_of_every_subscription_are_pruned
                an_open_delivery_keeps_its_event
                open_deliveries_of_a_disabled_subscription_are_pruned_after_their_retention
                what_a_removed_subscription_leaves_behind_is_pruned_after_its_retention
                an_event_that_is_not_fanned_out_yet_is_kept
            }
            directory {
                organizations_are_listed_oldest_first
                an_organization_is_found_by_its_slug
            }
            rollups {
                a_rollup_is_replaced_as_a_whole
                concurrent_counts_of_a_part_do_not_mix
                open_findings_are_stored_by_day
                concurrently_counted_calls_are_added_up
                calls_are_deleted_after_their_retention
            }
            search {
                records_are_found_by_the_beginnings_of_their_words
                the_words_of_a_record_are_replaced
                a_search_is_bounded
                the_index_follows_the_changes_of_records
                the_index_follows_more_changes_than_a_page_has
                a_cleared_index_is_filled_again
                changes_are_indexed_after_the_clock_was_set_back
            }
            maintenance {
                a_lease_belongs_to_its_owner_until_it_expires
                only_the_owner_can_release_a_lease
                one_of_eight_concurrent_callers_acquires_the_lease
                expired_idempotency_keys_are_deleted_up_to_a_limit
                pending_events_are_counted
                state_of_a_time_that_the_clock_no_longer_shows_is_discarded
                idempotency_records_and_last_uses_of_the_future_are_capped
                changes_are_due_immediately_after_the_clock_was_set_back
                the_identifier_of_an_installation_is_stored_once
                a_closed_store_is_unavailable
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
        async fn any_sequence_of_commands_leaves_the_store_equal_to_the_reference() {
            $crate::any_sequence_of_commands_leaves_two_stores_equal($crate::reference, $open).await;
        }
    };
}
