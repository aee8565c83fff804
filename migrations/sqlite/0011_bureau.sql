CREATE TABLE `settings` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL,
	`updated_at` integer NOT NULL,
	`updated_by` text NOT NULL
);
--> statement-breakpoint
ALTER TABLE `reset_links` ADD `verifies_email` text;--> statement-breakpoint
ALTER TABLE `schools` ADD `closed_at` integer;