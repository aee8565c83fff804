ALTER TABLE `audit_head` ADD `mac` text DEFAULT '' NOT NULL;--> statement-breakpoint
-- By hand: the generator knows no triggers.
CREATE TRIGGER `audit_no_update` BEFORE UPDATE ON `audit` BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END;--> statement-breakpoint
CREATE TRIGGER `audit_no_delete` BEFORE DELETE ON `audit` BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END;--> statement-breakpoint
-- INSERT OR REPLACE removes a row without a delete that a trigger would see.
CREATE TRIGGER `audit_no_replace` BEFORE INSERT ON `audit` WHEN EXISTS (SELECT 1 FROM `audit` WHERE `seq` = NEW.`seq`) BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END;
