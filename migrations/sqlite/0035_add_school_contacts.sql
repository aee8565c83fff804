CREATE TABLE `school_contacts` (
	`school_code` text NOT NULL,
	`subject` text NOT NULL,
	`desk` text NOT NULL,
	`desk_en` text NOT NULL,
	`phone` text NOT NULL,
	`extension` text NOT NULL,
	PRIMARY KEY(`school_code`, `subject`),
	FOREIGN KEY (`school_code`) REFERENCES `schools`(`code`) ON UPDATE no action ON DELETE no action
);
