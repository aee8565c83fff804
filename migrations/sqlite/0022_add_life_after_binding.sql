ALTER TABLE `binding_applications` ADD `report_opened_at` integer;--> statement-breakpoint
CREATE INDEX `binding_applications_report_idx` ON `binding_applications` (`report_opened_at`,`id`) WHERE report_opened_at is not null;--> statement-breakpoint
ALTER TABLE `guardianships` ADD `is_consent_awaited` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `guardianships` ADD `end_requested_at` integer;--> statement-breakpoint
ALTER TABLE `guardianships` ADD `end_request_sealed` text;--> statement-breakpoint
CREATE INDEX `guardianships_end_requested_idx` ON `guardianships` (`end_requested_at`,`id`) WHERE end_requested_at is not null;--> statement-breakpoint
ALTER TABLE `persons` ADD `adult_notice_at` integer;