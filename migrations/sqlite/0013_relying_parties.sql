CREATE TABLE `clients` (
	`client_id` text PRIMARY KEY NOT NULL,
	`registration` text NOT NULL,
	`secret_hash` text,
	`previous_secret_hash` text,
	`previous_secret_until` integer,
	`disabled_at` integer,
	`is_revoking` integer DEFAULT false NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `outbox_dead_idx` ON `outbox` (`dead_at`,`id`) WHERE dead_at is not null;