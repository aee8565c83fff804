CREATE TABLE `__new_subject_requests` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`person_id` text NOT NULL,
	`guardianship_id` text,
	`school_code` text,
	`payload_sealed` text,
	`state` text NOT NULL,
	`created_at` integer NOT NULL,
	`due_at` integer NOT NULL,
	`extended_at` integer,
	`decided_at` integer,
	`decided_by` text,
	`reason_sealed` text,
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
INSERT INTO `__new_subject_requests`("id", "kind", "person_id", "guardianship_id", "school_code", "payload_sealed", "state", "created_at", "due_at", "decided_at", "decided_by", "reason_sealed") SELECT "id", "kind", "person_id", "guardianship_id", "school_code", "payload_sealed", "state", "created_at", "due_at", "decided_at", "decided_by", "reason_sealed" FROM `subject_requests`;--> statement-breakpoint
DROP TABLE `subject_requests`;--> statement-breakpoint
ALTER TABLE `__new_subject_requests` RENAME TO `subject_requests`;--> statement-breakpoint
CREATE INDEX `subject_requests_person_idx` ON `subject_requests` (`person_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `subject_requests_school_idx` ON `subject_requests` (`school_code`,`state`,`due_at`,`id`);--> statement-breakpoint
CREATE INDEX `subject_requests_city_idx` ON `subject_requests` (`state`,`due_at`,`id`);--> statement-breakpoint
ALTER TABLE `persons` ADD `sharing_stopped_at` integer;