ALTER TABLE `clients` ADD `directory_secret_hash` text;--> statement-breakpoint
ALTER TABLE `clients` ADD `previous_directory_secret_hash` text;--> statement-breakpoint
ALTER TABLE `clients` ADD `previous_directory_secret_until` integer;