ALTER TABLE `outbox` ADD `recipient_mac` text;--> statement-breakpoint
CREATE INDEX `outbox_recipient_idx` ON `outbox` (`recipient_mac`) WHERE recipient_mac is not null;--> statement-breakpoint
ALTER TABLE `subject_requests` ADD `reminded_at` integer;