CREATE TABLE `directory_numbers` (
	`number` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`person_id` text NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `directory_numbers_person_key` ON `directory_numbers` (`person_id`);--> statement-breakpoint
-- By hand: every person has a number. A trigger also serves nodes of the version before, which continue during an upgrade.
INSERT INTO `directory_numbers` (`person_id`) SELECT `id` FROM `persons` ORDER BY `created_at`, `id`;--> statement-breakpoint
CREATE TRIGGER `number_persons` AFTER INSERT ON `persons` BEGIN INSERT INTO `directory_numbers` (`person_id`) VALUES (NEW.`id`); END;
