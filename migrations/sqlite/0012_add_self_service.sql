CREATE TABLE `pending_contacts` (
	`person_id` text NOT NULL,
	`kind` text NOT NULL,
	`value` text NOT NULL,
	`token_hash` text,
	`expires_at` integer,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`person_id`, `kind`),
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `pending_contacts_expires_idx` ON `pending_contacts` (`expires_at`);--> statement-breakpoint
CREATE TABLE `used_challenges` (
	`id_hash` text PRIMARY KEY NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `used_challenges_expires_idx` ON `used_challenges` (`expires_at`);