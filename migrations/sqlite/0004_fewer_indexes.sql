DROP INDEX `audit_at_idx`;--> statement-breakpoint
DROP INDEX `audit_subject_idx`;--> statement-breakpoint
DROP INDEX `audit_actor_idx`;--> statement-breakpoint
DROP INDEX `oidc_records_account_idx`;--> statement-breakpoint
CREATE INDEX `oidc_records_step_idx` ON `oidc_records` (`account_id`) WHERE model = 'Interaction';