CREATE TABLE `audit` (
	`seq` integer PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`event` text NOT NULL,
	`outcome` text NOT NULL,
	`actor_id` text,
	`subject_id` text,
	`client_id` text,
	`address` text,
	`detail` text NOT NULL,
	`prev_hash` text NOT NULL,
	`hash` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_at_idx` ON `audit` (`at`);--> statement-breakpoint
CREATE INDEX `audit_subject_idx` ON `audit` (`subject_id`);--> statement-breakpoint
CREATE INDEX `audit_actor_idx` ON `audit` (`actor_id`);--> statement-breakpoint
CREATE TABLE `audit_head` (
	`id` integer PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL,
	`hash` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `classes` (
	`id` text PRIMARY KEY NOT NULL,
	`school_code` text NOT NULL,
	`year` integer NOT NULL,
	`semester` integer NOT NULL,
	`grade` integer NOT NULL,
	`classno` text NOT NULL,
	`classtitle` text NOT NULL,
	`homeroom_teacher_id` text,
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`homeroom_teacher_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE UNIQUE INDEX `classes_term_key` ON `classes` (`school_code`,`year`,`semester`,`classno`);--> statement-breakpoint
CREATE INDEX `classes_homeroom_teacher_idx` ON `classes` (`homeroom_teacher_id`);--> statement-breakpoint
CREATE TABLE `enrolments` (
	`id` text PRIMARY KEY NOT NULL,
	`student_id` text NOT NULL,
	`class_id` text NOT NULL,
	`school_code` text NOT NULL,
	`student_number` text NOT NULL,
	`seat` integer NOT NULL,
	`valid_from` text,
	`valid_to` text,
	FOREIGN KEY (`student_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`class_id`) REFERENCES `classes`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `enrolments_class_student_key` ON `enrolments` (`class_id`,`student_id`);--> statement-breakpoint
CREATE INDEX `enrolments_student_idx` ON `enrolments` (`student_id`);--> statement-breakpoint
CREATE INDEX `enrolments_number_idx` ON `enrolments` (`school_code`,`student_number`);--> statement-breakpoint
CREATE TABLE `first_passwords` (
	`person_id` text PRIMARY KEY NOT NULL,
	`mac` text NOT NULL,
	`expires_at` integer NOT NULL,
	`failures` integer DEFAULT 0 NOT NULL,
	`closed_at` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `grants` (
	`grant_hash` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`client_id` text NOT NULL,
	`session_hash` text NOT NULL,
	`role` text,
	`school_code` text,
	`child_id` text,
	`basis_id` text,
	`scopes` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`child_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `grants_person_idx` ON `grants` (`person_id`);--> statement-breakpoint
CREATE INDEX `grants_session_idx` ON `grants` (`session_hash`);--> statement-breakpoint
CREATE INDEX `grants_child_idx` ON `grants` (`child_id`);--> statement-breakpoint
CREATE INDEX `grants_basis_idx` ON `grants` (`basis_id`);--> statement-breakpoint
CREATE INDEX `grants_expires_idx` ON `grants` (`expires_at`);--> statement-breakpoint
CREATE TABLE `guardianships` (
	`id` text PRIMARY KEY NOT NULL,
	`guardian_id` text NOT NULL,
	`student_id` text NOT NULL,
	`relation` text NOT NULL,
	`relation_label` text NOT NULL,
	`authority` text NOT NULL,
	`permissions` text NOT NULL,
	`state` text NOT NULL,
	`state_reason` text,
	`valid_from` text,
	`valid_to` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`guardian_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`student_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `guardianships_pair_key` ON `guardianships` (`guardian_id`,`student_id`);--> statement-breakpoint
CREATE INDEX `guardianships_student_idx` ON `guardianships` (`student_id`);--> statement-breakpoint
CREATE INDEX `guardianships_end_idx` ON `guardianships` (`valid_to`);--> statement-breakpoint
CREATE TABLE `identifiers` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`kind` text NOT NULL,
	`scope` text DEFAULT '' NOT NULL,
	`value` text NOT NULL,
	`verified_at` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `identifiers_value_key` ON `identifiers` (`kind`,`scope`,`value`);--> statement-breakpoint
CREATE INDEX `identifiers_person_idx` ON `identifiers` (`person_id`);--> statement-breakpoint
CREATE TABLE `keys` (
	`id` text PRIMARY KEY NOT NULL,
	`purpose` text NOT NULL,
	`alg` text DEFAULT '' NOT NULL,
	`sealed` text NOT NULL,
	`state` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `keys_live_key` ON `keys` (`purpose`,`alg`,`state`) WHERE state in ('current', 'next');--> statement-breakpoint
CREATE TABLE `last_contexts` (
	`person_id` text NOT NULL,
	`client_id` text NOT NULL,
	`role` text NOT NULL,
	`school_code` text,
	`child_id` text,
	PRIMARY KEY(`person_id`, `client_id`),
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`child_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `last_contexts_child_idx` ON `last_contexts` (`child_id`);--> statement-breakpoint
CREATE TABLE `memberships` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`school_code` text,
	`role` text NOT NULL,
	`duty` text,
	`is_primary` integer NOT NULL,
	`valid_from` text,
	`valid_to` text,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `memberships_person_idx` ON `memberships` (`person_id`);--> statement-breakpoint
CREATE INDEX `memberships_school_idx` ON `memberships` (`school_code`);--> statement-breakpoint
CREATE TABLE `oidc_records` (
	`model` text NOT NULL,
	`id_hash` text NOT NULL,
	`uid_hash` text,
	`user_code_hash` text,
	`grant_hash` text,
	`account_id` text,
	`client_id` text,
	`payload` text NOT NULL,
	`expires_at` integer,
	`consumed_at` integer,
	`destroyed` integer DEFAULT false NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`model`, `id_hash`)
);
--> statement-breakpoint
CREATE INDEX `oidc_records_uid_idx` ON `oidc_records` (`uid_hash`);--> statement-breakpoint
CREATE INDEX `oidc_records_user_code_idx` ON `oidc_records` (`user_code_hash`);--> statement-breakpoint
CREATE INDEX `oidc_records_grant_idx` ON `oidc_records` (`grant_hash`);--> statement-breakpoint
CREATE INDEX `oidc_records_account_idx` ON `oidc_records` (`account_id`,`model`);--> statement-breakpoint
CREATE INDEX `oidc_records_expires_idx` ON `oidc_records` (`expires_at`);--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`payload` text NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`next_at` integer NOT NULL,
	`leased_until` integer,
	`created_at` integer NOT NULL,
	`done_at` integer,
	`dead_at` integer,
	`last_error` text
);
--> statement-breakpoint
CREATE INDEX `outbox_due_idx` ON `outbox` (`next_at`) WHERE done_at is null and dead_at is null;--> statement-breakpoint
CREATE INDEX `outbox_created_idx` ON `outbox` (`created_at`);--> statement-breakpoint
CREATE TABLE `passwords` (
	`person_id` text PRIMARY KEY NOT NULL,
	`hash` text NOT NULL,
	`changed_at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `persons` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`locale` text,
	`status` text NOT NULL,
	`birth_date` text,
	`national_id_lookup` text,
	`national_id_sealed` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `persons_national_id_key` ON `persons` (`national_id_lookup`);--> statement-breakpoint
CREATE TABLE `reset_links` (
	`person_id` text PRIMARY KEY NOT NULL,
	`token_hash` text NOT NULL,
	`expires_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `reset_links_token_key` ON `reset_links` (`token_hash`);--> statement-breakpoint
CREATE TABLE `school_accounts` (
	`person_id` text PRIMARY KEY NOT NULL,
	`student_id` text NOT NULL,
	`school_code` text NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`student_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `school_accounts_student_idx` ON `school_accounts` (`student_id`);--> statement-breakpoint
CREATE TABLE `schools` (
	`code` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`name_en` text NOT NULL,
	`type` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `sessions` (
	`session_hash` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`user_agent` text NOT NULL,
	`address` text NOT NULL,
	`remember` integer NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`ended_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `sessions_person_idx` ON `sessions` (`person_id`);--> statement-breakpoint
CREATE INDEX `sessions_expires_idx` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE TABLE `throttles` (
	`key` text PRIMARY KEY NOT NULL,
	`failures` integer NOT NULL,
	`blocked_until` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `throttles_updated_idx` ON `throttles` (`updated_at`);