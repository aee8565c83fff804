ALTER TABLE `reset_links` ADD `replaced_hash` text;--> statement-breakpoint
CREATE INDEX `reset_links_replaced_idx` ON `reset_links` (`replaced_hash`);