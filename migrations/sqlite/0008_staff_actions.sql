ALTER TABLE `first_passwords` ADD `kind` text DEFAULT 'first' NOT NULL;--> statement-breakpoint
ALTER TABLE `persons` ADD `staff_version` integer DEFAULT 1 NOT NULL;