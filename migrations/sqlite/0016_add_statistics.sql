CREATE TABLE `account_counts` (
	`school_code` text NOT NULL,
	`day` text NOT NULL,
	`people` integer NOT NULL,
	`with_password` integer NOT NULL,
	PRIMARY KEY(`school_code`, `day`)
);
--> statement-breakpoint
CREATE INDEX `account_counts_day_idx` ON `account_counts` (`day`);--> statement-breakpoint
CREATE TABLE `client_counts` (
	`school_code` text NOT NULL,
	`day` text NOT NULL,
	`client_id` text NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`school_code`, `day`, `client_id`)
);
--> statement-breakpoint
CREATE INDEX `client_counts_day_idx` ON `client_counts` (`day`);--> statement-breakpoint
CREATE TABLE `sign_in_counts` (
	`school_code` text NOT NULL,
	`hour` integer NOT NULL,
	`outcome` text NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`school_code`, `hour`, `outcome`)
);
--> statement-breakpoint
CREATE INDEX `sign_in_counts_hour_idx` ON `sign_in_counts` (`hour`);--> statement-breakpoint
CREATE INDEX `throttles_locked_idx` ON `throttles` (`key`) WHERE failures >= 50;