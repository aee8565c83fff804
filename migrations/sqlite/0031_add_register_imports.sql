-- The register is imported again: its entries have no import.
CREATE TABLE `register_imports` (
	`id` text PRIMARY KEY NOT NULL,
	`state` text NOT NULL,
	`started_at` integer NOT NULL,
	`entry_count` integer DEFAULT 0 NOT NULL,
	`finished_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `register_imports_state_key` ON `register_imports` (`state`) WHERE state <> 'obsolete';--> statement-breakpoint
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_register_entries` (
	`import_id` text NOT NULL,
	`student_lookup` text NOT NULL,
	`guardian_lookup` text NOT NULL,
	`name_mac` text NOT NULL,
	`relation_mac` text NOT NULL,
	`imported_at` integer NOT NULL,
	PRIMARY KEY(`import_id`, `student_lookup`, `guardian_lookup`)
);
--> statement-breakpoint
DROP TABLE `register_entries`;--> statement-breakpoint
ALTER TABLE `__new_register_entries` RENAME TO `register_entries`;--> statement-breakpoint
PRAGMA foreign_keys=ON;