CREATE TABLE `binding_applicants` (
	`application_id` text NOT NULL,
	`position` integer NOT NULL,
	`payload_sealed` text NOT NULL,
	`national_id_lookup` text NOT NULL,
	`email_code_mac` text,
	`email_code_expires_at` integer,
	`email_code_failures` integer DEFAULT 0 NOT NULL,
	`email_verified_at` integer,
	`guardian_id` text,
	PRIMARY KEY(`application_id`, `position`),
	FOREIGN KEY (`application_id`) REFERENCES `binding_applications`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `binding_applicants_national_id_idx` ON `binding_applicants` (`national_id_lookup`);--> statement-breakpoint
CREATE TABLE `binding_applications` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`student_id` text NOT NULL,
	`school_code` text NOT NULL,
	`state` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`student_confirmed_at` integer,
	`applicant_kind` text,
	`valid_to` text,
	`evidence_done_at` integer,
	`client_id` text,
	`reason_sealed` text,
	`submitted_at` integer,
	`decided_at` integer,
	`decided_by` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`student_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `binding_applications_open_key` ON `binding_applications` (`student_id`) WHERE state in ('draft', 'submitted', 'returned');--> statement-breakpoint
CREATE INDEX `binding_applications_student_idx` ON `binding_applications` (`student_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `binding_applications_account_idx` ON `binding_applications` (`account_id`);--> statement-breakpoint
CREATE INDEX `binding_applications_queue_idx` ON `binding_applications` (`school_code`,`state`,`submitted_at`,`id`);--> statement-breakpoint
CREATE INDEX `binding_applications_updated_idx` ON `binding_applications` (`state`,`updated_at`);--> statement-breakpoint
CREATE TABLE `binding_evidence` (
	`id` text PRIMARY KEY NOT NULL,
	`application_id` text NOT NULL,
	`name_sealed` text NOT NULL,
	`content_type` text NOT NULL,
	`size` integer NOT NULL,
	`content_sealed` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`application_id`) REFERENCES `binding_applications`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `binding_evidence_application_idx` ON `binding_evidence` (`application_id`);--> statement-breakpoint
CREATE TABLE `binding_notices` (
	`version` integer PRIMARY KEY NOT NULL,
	`chinese` text NOT NULL,
	`english` text NOT NULL,
	`published_at` integer NOT NULL,
	`published_by` text
);
--> statement-breakpoint
CREATE TABLE `binding_reminders` (
	`class_id` text PRIMARY KEY NOT NULL,
	`reminded_at` integer NOT NULL,
	FOREIGN KEY (`class_id`) REFERENCES `classes`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `notice_answers` (
	`id` text PRIMARY KEY NOT NULL,
	`student_id` text NOT NULL,
	`account_id` text NOT NULL,
	`school_code` text NOT NULL,
	`notice_version` integer NOT NULL,
	`answer` text NOT NULL,
	`answered_at` integer NOT NULL,
	FOREIGN KEY (`student_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `notice_answers_student_idx` ON `notice_answers` (`student_id`,`answered_at`);--> statement-breakpoint
CREATE TABLE `person_merges` (
	`id` text PRIMARY KEY NOT NULL,
	`kept_id` text NOT NULL,
	`other_id` text NOT NULL,
	`snapshot_sealed` text NOT NULL,
	`merged_at` integer NOT NULL,
	`merged_by` text NOT NULL,
	`undone_at` integer
);
--> statement-breakpoint
CREATE INDEX `person_merges_kept_idx` ON `person_merges` (`kept_id`,`merged_at`);--> statement-breakpoint
CREATE TABLE `register_entries` (
	`student_lookup` text NOT NULL,
	`guardian_mac` text NOT NULL,
	`imported_at` integer NOT NULL,
	PRIMARY KEY(`student_lookup`, `guardian_mac`)
);
--> statement-breakpoint
CREATE TABLE `subject_requests` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`person_id` text NOT NULL,
	`guardianship_id` text,
	`school_code` text,
	`payload_sealed` text NOT NULL,
	`state` text NOT NULL,
	`created_at` integer NOT NULL,
	`due_at` integer NOT NULL,
	`decided_at` integer,
	`decided_by` text,
	`reason_sealed` text,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `subject_requests_person_idx` ON `subject_requests` (`person_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `subject_requests_school_idx` ON `subject_requests` (`school_code`,`state`,`due_at`,`id`);--> statement-breakpoint
CREATE INDEX `subject_requests_city_idx` ON `subject_requests` (`state`,`due_at`,`id`);--> statement-breakpoint
ALTER TABLE `persons` ADD `adult_on_lookup` text;--> statement-breakpoint
CREATE INDEX `persons_adult_on_idx` ON `persons` (`adult_on_lookup`) WHERE adult_on_lookup is not null;--> statement-breakpoint
ALTER TABLE `schools` ADD `district` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `schools` ADD `is_register_checked` integer DEFAULT false NOT NULL;