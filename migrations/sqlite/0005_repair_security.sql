CREATE TABLE `audit_archive` (
	`id` integer PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL,
	`hash` text NOT NULL,
	`mac` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `consents` (
	`person_id` text NOT NULL,
	`client_id` text NOT NULL,
	`scope` text NOT NULL,
	`granted_at` integer NOT NULL,
	PRIMARY KEY(`person_id`, `client_id`, `scope`),
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
DROP INDEX `oidc_records_expires_idx`;--> statement-breakpoint
ALTER TABLE `oidc_records` ADD `browser_hash` text;--> statement-breakpoint
CREATE INDEX `oidc_records_expires_idx` ON `oidc_records` (`model`,`expires_at`);--> statement-breakpoint
ALTER TABLE `guardianships` ADD `state_reason_sealed` text;--> statement-breakpoint
ALTER TABLE `persons` ADD `birth_date_sealed` text;--> statement-breakpoint
ALTER TABLE `persons` ADD `credential_version` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `throttles` ADD `refusals` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `throttles` ADD `refused_since` integer;--> statement-breakpoint
-- By hand: an entry may be deleted once it is in a sealed archive.
DROP TRIGGER `audit_no_delete`;--> statement-breakpoint
CREATE TRIGGER `audit_no_delete` BEFORE DELETE ON `audit` WHEN OLD.`seq` > COALESCE((SELECT `seq` FROM `audit_archive` WHERE `id` = 1), 0) BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END;
