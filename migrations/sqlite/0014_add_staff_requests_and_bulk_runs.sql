CREATE TABLE `bulk_rows` (
	`run_id` text NOT NULL,
	`position` integer NOT NULL,
	`person_id` text NOT NULL,
	`staff_version` integer NOT NULL,
	`state` text NOT NULL,
	`problem` text,
	`code_sealed` text,
	`code_expires_at` integer,
	`done_at` integer,
	PRIMARY KEY(`run_id`, `position`),
	FOREIGN KEY (`run_id`) REFERENCES `bulk_runs`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `bulk_rows_person_idx` ON `bulk_rows` (`person_id`);--> statement-breakpoint
CREATE INDEX `bulk_rows_codes_idx` ON `bulk_rows` (`done_at`) WHERE code_sealed is not null;--> statement-breakpoint
CREATE TABLE `bulk_runs` (
	`id` text PRIMARY KEY NOT NULL,
	`action` text NOT NULL,
	`class_id` text NOT NULL,
	`actor_id` text NOT NULL,
	`reason` text NOT NULL,
	`address` text NOT NULL,
	`created_at` integer NOT NULL,
	`leased_until` integer NOT NULL,
	`finished_at` integer,
	`printed_at` integer,
	FOREIGN KEY (`class_id`) REFERENCES `classes`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `bulk_runs_due_idx` ON `bulk_runs` (`leased_until`) WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX `bulk_runs_class_idx` ON `bulk_runs` (`class_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `bulk_runs_created_idx` ON `bulk_runs` (`created_at`);--> statement-breakpoint
CREATE TABLE `second_factor_removals` (
	`person_id` text PRIMARY KEY NOT NULL,
	`requested_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`executes_at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `second_factor_removals_due_idx` ON `second_factor_removals` (`executes_at`);--> statement-breakpoint
CREATE TABLE `staff_requests` (
	`id` text PRIMARY KEY NOT NULL,
	`action` text NOT NULL,
	`person_id` text NOT NULL,
	`school_code` text,
	`payload_sealed` text NOT NULL,
	`staff_version` integer NOT NULL,
	`requested_by` text NOT NULL,
	`requested_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`is_open` integer NOT NULL,
	`decision` text,
	`decided_by` text,
	`decided_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `staff_requests_school_idx` ON `staff_requests` (`school_code`,`is_open`,`requested_at`,`id`);--> statement-breakpoint
CREATE INDEX `staff_requests_city_idx` ON `staff_requests` (`is_open`,`requested_at`,`id`);--> statement-breakpoint
CREATE INDEX `staff_requests_person_idx` ON `staff_requests` (`person_id`,`requested_at`);