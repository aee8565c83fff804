ALTER TABLE "subject_requests" DROP CONSTRAINT "subject_requests_person_id_persons_id_fk";
--> statement-breakpoint
ALTER TABLE "subject_requests" ALTER COLUMN "payload_sealed" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "persons" ADD COLUMN "sharing_stopped_at" bigint;--> statement-breakpoint
ALTER TABLE "subject_requests" ADD COLUMN "extended_at" bigint;