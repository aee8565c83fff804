CREATE TABLE `application_passwords` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`client_id` text NOT NULL,
	`name` text NOT NULL,
	`secret_hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `application_passwords_person_idx` ON `application_passwords` (`person_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `application_passwords_secret_key` ON `application_passwords` (`secret_hash`);