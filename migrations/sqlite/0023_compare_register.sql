PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_register_entries` (
	`student_lookup` text NOT NULL,
	`guardian_lookup` text NOT NULL,
	`name_mac` text NOT NULL,
	`relation_mac` text NOT NULL,
	`imported_at` integer NOT NULL,
	PRIMARY KEY(`student_lookup`, `guardian_lookup`)
);
--> statement-breakpoint
INSERT INTO `__new_register_entries`("student_lookup", "guardian_lookup", "name_mac", "relation_mac", "imported_at") SELECT "student_lookup", "guardian_lookup", "name_mac", "relation_mac", "imported_at" FROM `register_entries`;--> statement-breakpoint
DROP TABLE `register_entries`;--> statement-breakpoint
ALTER TABLE `__new_register_entries` RENAME TO `register_entries`;--> statement-breakpoint
PRAGMA foreign_keys=ON;